"""The syntax of a `%%chat` cell: words, options, and the body as a message."""
