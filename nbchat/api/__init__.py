"""One request: endpoints and keys, the client and its engine, requests and answers on the wire, errors."""
