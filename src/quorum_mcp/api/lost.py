"""Requests to paths that are not there: most come from a base URL with a part too many, or too few."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from starlette.routing import BaseRoute, Route

VERSION = "/v1"
"""The part that clients' base URLs hold once; they lose it, or have it twice. Quorum's own and Ollama's have none."""
SIMILAR = 0.8


class Guess(NamedTuple):
    """What to do instead of asking for a path that is not there, and the path that was meant, or the same."""

    path: str
    hint: str


def guess(routes: Iterable[BaseRoute], method: str, path: str) -> Guess:
    """Where a request was probably meant to go; only paths that take its method count."""
    known = [
        route.path
        for route in routes
        if isinstance(route, Route) and "{" not in route.path and method in (route.methods or ())
    ]
    if (meant := _meant(path, known)) is not None:
        return Guess(meant, f"{meant} is: check the base URL that the client was given")
    beside = [one for one in known if one.split("/")[:2] == path.split("/")[:2]]
    if near := get_close_matches(path, beside, 1, SIMILAR):
        return Guess(near[0], f"did you mean {near[0]}?")
    return Guess(path, "/api/openapi.json lists what there is")


def _meant(path: str, known: Sequence[str]) -> str | None:
    """The path that this one is but for its beginning; of several the longest."""
    found = [one for one in known if len(one) > 1 and _is_end(path, one)]
    return max(found, key=len, default=None)


def _is_end(path: str, known: str) -> bool:
    if path.endswith(known):
        return True
    return known.startswith(VERSION) and path.endswith(known.removeprefix(VERSION)) and path[:5] != "/api/"
