"""The run directory: everything that one training leaves."""
