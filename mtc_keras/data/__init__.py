"""From files or DataFrames to the batches that training and prediction read."""
