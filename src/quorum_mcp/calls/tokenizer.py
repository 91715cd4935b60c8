"""OpenAI's o200k tokenizer: the compiled part of bpe-openai, without its Python part.

Importing the package parses four vocabularies into dictionaries that nothing here reads: half a second of
CPU, and 80 MiB that stay. The compiled module has the vocabularies built in and loads in a tenth of that.
"""

import ctypes
import mmap
import sys
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Protocol, cast


class Tokenizer(Protocol):
    """What the compiled tokenizer can do."""

    def count(self, text: str) -> int:
        """Tokens of `text`; the names of special tokens count as ordinary text."""
        ...


@lru_cache(maxsize=1)
def tokenizer() -> Tokenizer:
    """The tokenizer, loaded when something is first counted."""
    package = find_spec("bpe_openai")
    places = package.submodule_search_locations if package else None
    found = PathFinder.find_spec("bpe_openai._bindings", places)
    if found is None or found.loader is None:
        raise ImportError("bpe-openai has no compiled module for this machine: install it again")
    module = module_from_spec(found)
    found.loader.exec_module(module)
    made = cast("Tokenizer", module.tokenizer_for_encoding("o200k_base"))
    if sys.platform == "linux" and module.__file__ is not None:
        _forget(module.__file__)
    return made


def _forget(file: str) -> None:
    """Give back the memory of the built-in vocabulary, which is read once: 33 MiB of the file's own, unchanged bytes.

    Whoever reads them again has them from the file. Only what is mapped read-only from the file's beginning is given
    back: the loader writes into later parts.
    """
    process = ctypes.CDLL(None)
    for line in Path("/proc/self/maps").read_text().splitlines():
        places, rights, offset, _, _, *name = line.split(maxsplit=5)
        if name == [file] and rights == "r--p" and int(offset, 16) == 0:
            start, end = (int(place, 16) for place in places.split("-"))
            process.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED)
