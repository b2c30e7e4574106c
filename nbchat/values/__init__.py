"""Frozen value types shared by every other package; they import nothing above themselves."""
