"""The results of a run: a list, or a column or frame of the input's library, with details."""
