"""Operations, see below."""

OPERATIONS: list[object] = []
