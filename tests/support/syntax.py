"""Parsing Python in tests that look at the source."""

import ast
import gc


def parse(source: str) -> ast.Module:
    """The syntax tree of `source`.

    CPython 3.11 raises SystemError when the garbage collector runs other code while it builds a tree, so it waits.
    """
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        gc.enable()
