"""A session's record: history and ledger, their journal, replayed answers and delivery within a budget."""
