"""Sweeps and what-if results as something to look at."""
