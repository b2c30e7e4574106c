"""`%%chat` and `%chat`: the magics of IPython."""
