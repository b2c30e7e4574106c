"""What outlives a kernel: the journal of turns, answers to replay, the ledger of calls, and budgets. One SQLite file.

Nothing here imports `sqlite3` before a journal is opened, and none is opened before a request needs it.
"""
