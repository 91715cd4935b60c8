"""`builtin/arithmetic`: exact arithmetic, percentages, units and dates, from a question in plain words."""
