"""Structured output of the built-in model: values that fit a JSON schema."""
