"""The columns marked private in this process.

They stand apart from the code that reads frames, so that a guard that has none to look for need not import it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbchat.data.privacy.private_columns import PrivateColumn

__all__ = ["MARKED"]

MARKED: dict[str, PrivateColumn] = {}
"""By name. Filled by `private`, read by the guard."""
