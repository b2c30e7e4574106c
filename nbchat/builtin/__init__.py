"""The built-in model: a small n-gram language model over Python's documentation, and its HTTP server.

All of nbchat can be tried with it, without a key or network. See `nbchat.builtin.http.server`.
"""
