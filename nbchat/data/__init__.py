"""Live values to prompt text: interpolation, descriptions, the privacy ladder, images, the guard.

Knows no session, no widget and no IPython: a namespace is a mapping of names to objects.
"""
