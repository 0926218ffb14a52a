"""The side of HTTP: the application, what it refuses, and how it answers."""
