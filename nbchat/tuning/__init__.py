"""Finding good parameters: sweeps over a grid, comparisons with their uncertainty, and what-if without a request."""
