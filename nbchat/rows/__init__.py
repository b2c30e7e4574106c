"""One prompt over many rows: `map`, its engine, and its result."""
