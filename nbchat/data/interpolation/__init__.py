"""Interpolation: find placeholders in a message and replace them by descriptions of live values."""
