"""Tools to find good parameters: sweeps over a grid, comparisons with confidence intervals, and what-if analysis."""
