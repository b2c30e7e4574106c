"""Turn live values into prompt text: interpolation, descriptions, the privacy ladder, images, the guard.

Independent of sessions, widgets and IPython: a namespace is a mapping of names to objects.
"""
