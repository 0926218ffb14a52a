"""What rows hold, in numbers: each module is one part of the page."""
