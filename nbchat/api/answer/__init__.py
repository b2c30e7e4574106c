"""Decoding of answers: bytes, events, and the many shapes of servers' payloads. No input or output."""
