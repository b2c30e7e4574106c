"""The panel: widgets as a view of a session."""
