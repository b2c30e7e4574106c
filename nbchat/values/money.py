"""Amounts of US dollars as text."""

from __future__ import annotations

__all__ = ["dollars"]


def dollars(amount: float, digits: int = 2) -> str:
    """`$1,204.50`, `$0.50`, `$0.00012`: cents, or `digits` significant digits below a dollar."""
    from decimal import Decimal

    text = f"{amount:,.2f}" if amount == 0 or amount >= 0.995 else f"{Decimal(f'{amount:.{digits}g}'):f}"
    return f"${text}{'0' * (text[-2:-1] == '.')}"
