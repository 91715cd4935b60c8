"""How vendors tell how likely the tokens of an answer were."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from quorum_mcp.answers import Logprob


class Told(Struct):
    """A token as OpenAI and Ollama tell it."""

    token: str = ""
    logprob: float = 0.0
    bytes: list[int] | None = None
    top_logprobs: list["Told"] | None = None


class ToldOf(Struct):
    """Those of a completion, or of a chunk of one."""

    content: list[Told] | None = None
    refusal: list[Told] | None = None


class Chosen(Struct, rename="camel"):
    """A token as Google tells it."""

    token: str = ""
    log_probability: float = 0.0


class Candidates(Struct):
    """The likeliest in one place."""

    candidates: list[Chosen] | None = None


class LogprobsResult(Struct, rename="camel"):
    """Those of an answer of Google's, or of a chunk of one."""

    chosen_candidates: list[Chosen] | None = None
    top_candidates: list[Candidates] | None = None


def of_told(tokens: Iterable[Told] | None) -> tuple[Logprob, ...]:
    """In our own form."""
    return tuple([_plain(one, of_told(one.top_logprobs)) for one in tokens or ()])


def of_google(result: LogprobsResult | None) -> tuple[Logprob, ...]:
    """In our own form: Google tells the likeliest in a list beside the tokens."""
    if result is None:
        return ()
    top: Sequence[Candidates] = result.top_candidates or ()
    return tuple(
        [
            Logprob(one.token, one.log_probability, top=_likeliest(top[place] if place < len(top) else None))
            for place, one in enumerate(result.chosen_candidates or ())
        ]
    )


def _likeliest(place: Candidates | None) -> tuple[Logprob, ...]:
    found = (place.candidates if place is not None else None) or ()
    return tuple([Logprob(one.token, one.log_probability) for one in found])


def _plain(one: Told, top: tuple[Logprob, ...]) -> Logprob:
    return Logprob(one.token, one.logprob, None if one.bytes is None else tuple(one.bytes), top)
