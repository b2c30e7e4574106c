"""Server selection: known endpoints, local servers, and probing of addresses."""
