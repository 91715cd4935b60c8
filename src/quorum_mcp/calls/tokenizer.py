"""OpenAI's o200k tokenizer: the compiled part of bpe-openai, without its Python part.

Importing the package parses four vocabularies into dictionaries that nothing here reads: half a second of
CPU, and 80 MiB that stay. The compiled module has the vocabularies built in and loads in a tenth of that.
"""

from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
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
    return cast("Tokenizer", module.tokenizer_for_encoding("o200k_base"))
