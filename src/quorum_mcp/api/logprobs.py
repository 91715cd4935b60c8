"""How likely the tokens of an answer were: as callers ask for it, and as OpenAI and Ollama show it."""

from collections.abc import Sequence
from typing import Any

from quorum_mcp.answers import Logprob
from quorum_mcp.errors import InvalidInput

MOST = 20
"""How many of the likeliest tokens are told in each place."""
Json = dict[str, Any]


def wanted(on: object, top: object, *, names: tuple[str, str]) -> int | None:
    """How many of the likeliest tokens are to be told in each place; None where nothing of it is.

    Args:
        on: whether the caller asks for it, as it stands in the request.
        top: how many, likewise.
        names: what the caller's API calls the two.

    Raises:
        InvalidInput: there is no such number, or it stands there alone.
    """
    if on not in (None, True, False):
        raise InvalidInput(f"{names[0]}={on!r} cannot be", hint="true or false")
    if top is None:
        return 0 if on else None
    if not on or not isinstance(top, int) or isinstance(top, bool) or not 0 <= top <= MOST:
        raise InvalidInput(f"{names[1]}={top!r} cannot be", hint=f"0 to {MOST}, and with {names[0]}: true")
    return top


def shown(tokens: Sequence[Logprob]) -> list[Json]:
    """The tokens, each with the likeliest in its place."""
    return [_token(one) | {"top_logprobs": [_token(other) for other in one.top]} for one in tokens]


def _token(one: Logprob) -> Json:
    spelled = list(one.token.encode() if one.bytes is None else one.bytes)
    return {"token": one.token, "logprob": one.logprob, "bytes": spelled}
