"""The built-in model's HTTP server: access, request validation, reply bodies."""
