"""The commands of `%chat`."""
