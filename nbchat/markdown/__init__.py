"""Render a model's text safely as Markdown, HTML or plain text."""
