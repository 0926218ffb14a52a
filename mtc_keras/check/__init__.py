"""`mtc-keras check`: what a config's data hold, and what is odd about them, before training."""
