"""Conversations: sessions with their history and settings, exchanges, export, and the registry of sessions."""
