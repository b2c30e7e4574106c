"""The built-in model: a small n-gram language model over Python's documentation, and its HTTP server.

Everything nbchat does can be tried with it, with no key and no network. See `nbchat.builtin.server`.
"""
