"""Turn a cell's body into a message: insert live values, attach images, and report both."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from nbchat.cells.usage_error import UsageError
from nbchat.values.messages import Content, ImagePart, Message, TextPart

if TYPE_CHECKING:
    from nbchat.data.interpolation.interpolate import Fragment

__all__ = ["Composed", "compose", "variants_of"]

SHELL_NAMES = frozenset({"exit", "quit", "open", "get_ipython"})
"""Names that IPython adds to the namespace; in a message they are plain words."""


class Composed(Struct, frozen=True):
    """A message ready to send.

    `notes` are footer notes about inserted values, `parts` the sections of the text with their sources, `values` the
    fingerprints of inserted values by name.
    """

    message: Message
    notes: tuple[str, ...] = ()
    parts: tuple[Fragment, ...] = ()
    values: Mapping[str, str] = {}  # shared, never written to


def compose(body: str, namespace: Mapping[str, object], *, raw: bool = False, images: Sequence[str] = ()) -> Composed:
    """Compose the message of a body. Raises PromptError for a value that can't be inserted."""
    if not images and (raw or "{" not in body):
        return Composed(Message("user", body))
    from nbchat.data.images import load_image
    from nbchat.data.interpolation.interpolate import interpolate

    live = {name: value for name, value in namespace.items() if name not in SHELL_NAMES}
    filled = interpolate(body, live, raw=raw)
    attached = [load_image(source, namespace) for source in images]
    notes = [str(item) for item in (*filled.inserted, *filled.left, *attached)]
    pictures = [ImagePart(image.url) for image in (*filled.images, *attached)]
    content: Content = (TextPart(filled.text), *pictures) if pictures else filled.text
    typed = None if filled.text == body else body
    return Composed(Message("user", content, typed=typed), tuple(notes), filled.parts, filled.hashes)


def variants_of(body: str) -> list[str]:
    """Return the messages separated by lines of `---`. Raises UsageError for fewer than two."""
    parts = [part.strip("\n") for part in re.split(r"(?m)^---[ \t]*$", body)]
    filled = [part for part in parts if part.strip()]
    if len(filled) < 2:
        raise UsageError("--variants needs at least two messages, with a line of --- between them.")
    return filled
