"""Sweeps and what-if results as outputs and widgets."""
