"""Structured answers: what was asked for, as a JSON schema, and the value read from an answer."""
