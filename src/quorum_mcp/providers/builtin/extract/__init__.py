"""`builtin/extract`: answers only in quotes from the documents that came with the question."""
