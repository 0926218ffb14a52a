"""After training: the page that shows what a run gave."""
