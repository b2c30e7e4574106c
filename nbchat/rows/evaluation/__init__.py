"""Evaluate settings over rows whose true answers are known."""
