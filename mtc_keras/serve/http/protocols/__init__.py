"""What the server speaks; a module for each protocol, which makes its routes."""
