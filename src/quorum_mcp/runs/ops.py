"""What callers can do with sessions, whatever ran in them."""

OPERATIONS: list[object] = []
