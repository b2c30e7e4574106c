"""How fast requests go to one server with one key: rate limits, concurrency, and sharing both between processes."""
