"""From the bytes of a file to blocks of rows: one module per format."""
