"""What comes back from a server: events, the reply they build up, token usage, rate limits."""
