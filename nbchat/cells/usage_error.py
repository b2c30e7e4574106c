"""The error for a line or cell that can't be parsed."""

from IPython.core import error

from nbchat.values.errors import NbchatError

__all__ = ["UsageError"]


class UsageError(NbchatError, error.UsageError):  # type: ignore[misc]  # IPython has no types
    """A `%chat` line or `%%chat` cell that can't be parsed. Nothing was sent.

    IPython prints its own class to stderr and reports no error to the front end, so papermill, nbclient and xeus-python
    would not know what failed; this subclass is reported like all errors of nbchat.
    """
