"""Columns that never leave."""
from dataclasses import dataclass
from nbchat.data.tables import Table
@dataclass(frozen=True, slots=True)
class Hidden:
    places: frozenset[int]
    labels: bool
def hidden(value: object, table: Table) -> Hidden:
    return Hidden(frozenset(), True)
