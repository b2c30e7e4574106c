"""Conversations: a session's history and settings, the exchanges that extend it, its export and its names."""
