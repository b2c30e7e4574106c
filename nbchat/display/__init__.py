"""Display of one streaming answer: canvas, painter, footer, terminal text and progress."""
