"""Where the model computes: processes, devices, compiled steps. The only room that imports JAX."""
