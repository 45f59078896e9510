"""One file per command: its whole story from top to bottom, and the Python API behind it."""
