"""`%load_ext nbchat`: register two magics, completion and input transformers. Nothing is sent or written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from IPython.core.magic import no_var_expand

__all__ = ["load_ipython_extension", "unload_ipython_extension"]


@contextlib.contextmanager
def running(line: str) -> Iterator[None]:
    """Notice every interrupt, end with one sentence, and mask whatever in an error's message may be a key of the line."""
    from nbchat.values.threads import interruptible

    try:
        with interruptible():
            yield
    except KeyboardInterrupt as stop:
        from nbchat.values.errors import Interrupted

        if isinstance(stop, Interrupted):
            raise
        raise Interrupted from None
    except Exception as error:
        from nbchat.values.errors import NbchatError
        from nbchat.values.key_shapes import without_typed_keys

        if isinstance(error, NbchatError):
            error.args = tuple(without_typed_keys(arg, line) if isinstance(arg, str) else arg for arg in error.args)
        raise


def documentation() -> str:
    """Return what `%chat help` shows, with examples."""
    from nbchat.magics.line import overview

    return overview()


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext nbchat`: register `%%chat`, `%chat` and their completion."""

    @no_var_expand
    def chat(line: str) -> Any:
        """Run a command: `%chat help` lists them, `%chat` alone shows the current state."""
        with running(line):
            from nbchat.magics.line import chat_line

            return chat_line(shell, line)

    @no_var_expand
    def chat_body(line: str, cell: str) -> None:
        """Send the cell as a message to a language model; the answer streams below. `%chat help` lists the options."""
        with running(line):
            from nbchat.magics.cell import chat_cell

            chat_cell(shell, line, cell)

    chat.getdoc = chat_body.getdoc = documentation  # where IPython looks for what `%chat?` and `%%chat?` show
    shell.register_magic_function(chat, "line", "chat")
    shell.register_magic_function(chat_body, "cell", "chat")
    from nbchat.magics import completion, transforms

    completion.install(shell)
    transforms.install(shell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext nbchat`: remove them."""
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("chat", None)
    from nbchat.magics import completion, transforms

    completion.remove(shell)
    transforms.remove(shell)
