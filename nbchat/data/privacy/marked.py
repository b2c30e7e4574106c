"""The columns marked private in this process.

Separate from the code that reads frames, so that the guard need not import that if there are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbchat.data.privacy.private_columns import PrivateColumn

__all__ = ["MARKED"]

MARKED: dict[str, PrivateColumn] = {}
"""By name. Filled by `private`, read by the guard."""
