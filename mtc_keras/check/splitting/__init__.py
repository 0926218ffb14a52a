"""`mtc-keras check --split`: one table becomes training, validation and test files."""
