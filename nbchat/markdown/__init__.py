"""Model text made safe to show as Markdown."""
