"""Clear all private marks after each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nbchat.data.privacy.private_columns import forget


@pytest.fixture(autouse=True)
def _nothing_private() -> Iterator[None]:
    forget()
    yield
    forget()
