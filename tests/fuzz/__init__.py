"""Hostile input through nbchat's public surfaces, at random: `python -m tests.fuzz`."""
