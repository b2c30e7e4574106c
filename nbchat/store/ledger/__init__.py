"""The ledger of calls, and spending limits."""
