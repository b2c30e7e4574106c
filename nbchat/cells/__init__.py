"""The language of a `%%chat` cell: its words, its options, its body as a message."""
