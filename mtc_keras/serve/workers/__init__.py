"""What computes: processes that hold the model, and the texts that wait for them."""
