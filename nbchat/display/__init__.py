"""One answer while it comes: where it is shown, when it is painted, the line under it."""
