"""One request: the wire (JSON to values and back, pure), the client, the engine's thread, limits and endpoints."""
