"""What the model runs on: processes, devices, compiled steps. The only room to import JAX."""
