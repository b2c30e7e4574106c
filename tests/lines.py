"""`%chat` lines outside a kernel."""

from types import SimpleNamespace

from nbchat.magics.line import chat_line


def said(line):
    """Run `%chat LINE`; return what it shows, as text."""
    shown = []
    publisher = SimpleNamespace(publish=lambda data, **_: shown.append(data["text/plain"]))
    chat_line(SimpleNamespace(display_pub=publisher, user_ns={}), line)
    return "\n".join(shown)
