"""Persistent state in one SQLite file: the journal of turns, the replay cache, the ledger of calls, and budgets.

`sqlite3` is imported when the journal is opened, and the journal is opened when a request first needs it.
"""
