"""Who sits on the simulated panel, and the knobs that a model name may carry.

Personalities: `atlas` careful, `birch` terse, `cedar` contrarian, `delta` verbose, `ember` often wrong.
Faults: `flaky` (HTTP 500), `limited` (429 with Retry-After), `hang` (no byte ever), `cut` (the stream breaks off),
`malformed` (no JSON), `slow` (a few tokens a second), `empty` (an answer without text).

A model name may carry knobs, as in a URL: `flaky?rate=0.3`, `atlas?fault=cut&after=3`, `birch?delay=2&wrong=1`.

    fault    one of the faults above, for any personality
    rate     share of requests that the fault hits, 0 to 1 (default 1; 0.5 for flaky), in an order set by the seed
    status   HTTP status of flaky (default 500)
    after    limited: Retry-After in seconds (default 1); cut, hang: tokens sent first (default 5; 0)
    delay    seconds before the first token, instead of the personality's own (not scaled by the server's speed)
    pace     tokens a second, instead of the personality's own (not scaled by the server's speed); 0: at once
    wrong    share of checkable answers that are wrong, instead of the personality's own
    comply   share of answers that obey a request to end with `CONCLUSION:` (default 1)
    seed     another seed than the server's
"""

from typing import Literal, get_args
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct, structs

Fault = Literal["flaky", "limited", "hang", "cut", "malformed", "slow", "empty"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
Length = Literal["terse", "normal", "long"]


class Personality(Struct, frozen=True):
    """How a simulated model behaves: its share of wrong answers, seconds to the first token, tokens a second."""

    name: str
    about: str
    length: Length
    wrong: float
    contrary: bool
    delay: float
    pace: float


class Knobs(Struct, frozen=True):
    """What a model name asks for besides the personality."""

    fault: Fault | None = None
    rate: float = 1.0
    status: int = 500
    after: float | None = None
    delay: float | None = None
    pace: float | None = None
    wrong: float | None = None
    comply: float = 1.0
    seed: str | None = None


class Model(Struct, frozen=True):
    """A model as asked for; `asked` is the name as it came."""

    asked: str
    personality: Personality
    knobs: Knobs

    @property
    def wrong(self) -> float:
        """The share of checkable answers that are wrong."""
        return self.personality.wrong if self.knobs.wrong is None else self.knobs.wrong


class UnknownModel(ValueError):
    """There is no such simulated model, or no such knob; the text says what there is."""


PERSONALITIES = {
    personality.name: personality
    for personality in (
        Personality("atlas", "careful", "normal", 0.02, contrary=False, delay=0.45, pace=70),
        Personality("birch", "terse", "terse", 0.08, contrary=False, delay=0.15, pace=110),
        Personality("cedar", "contrarian", "normal", 0.12, contrary=True, delay=0.35, pace=80),
        Personality("delta", "verbose", "long", 0.06, contrary=False, delay=0.3, pace=120),
        Personality("ember", "often wrong", "normal", 0.5, contrary=False, delay=0.2, pace=90),
    )
}
PANEL = tuple(f"sim/{name}" for name in PERSONALITIES)
"""The five personalities, as Quorum names them."""
NAMES = (*PERSONALITIES, *FAULTS)
_NUMBERS = {"rate", "after", "delay", "pace", "wrong", "comply"}


def find(name: str) -> Model:
    """The model of a name with or without knobs; `sim/` in front is allowed.

    Raises:
        UnknownModel: no such model or knob, or a knob's value that cannot be used.
    """
    plain, _, query = name.removeprefix("sim/").partition("?")
    if plain in FAULTS:
        personality = structs.replace(PERSONALITIES["atlas"], name=plain, about=f"injects the fault {plain}")
        fault: Fault | None = plain
    elif plain in PERSONALITIES:
        personality, fault = PERSONALITIES[plain], None
    else:
        raise UnknownModel(f"there is no simulated model {plain!r}; there are {', '.join(NAMES)}")
    return Model(name, personality, _knobs(query, fault))


def _knobs(query: str, fault: Fault | None) -> Knobs:
    values: dict[str, object] = {"fault": fault}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in Knobs.__struct_fields__:
            raise UnknownModel(f"there is no knob {key!r}; there are {', '.join(Knobs.__struct_fields__)}")
        if key == "fault" and value not in FAULTS:
            raise UnknownModel(f"there is no fault {value!r}; there are {', '.join(FAULTS)}")
        try:
            values[key] = float(value) if key in _NUMBERS else int(value) if key == "status" else value
        except ValueError:
            raise UnknownModel(f"the knob {key} is no number: {value!r}") from None
    if "rate" not in values and values["fault"] == "flaky":
        values["rate"] = 0.5
    return msgspec.convert(values, Knobs)
