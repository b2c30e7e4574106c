"""Data frames and columns of any library: one view of them, and their descriptions."""
