"""One request's way: from the client's first byte to its last. Read `exchange` first."""
