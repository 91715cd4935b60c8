"""Sends an answer in an API's shape, at a model's pace, with the fault that was asked for."""

import math
import re
import time
from collections.abc import Iterator

from msgspec import Struct

from quorum_mcp.codec import encode
from quorum_mcp.ids import new_id
from quorum_mcp.providers.sim.ask import Ask, Reply, count_tokens, cut_to
from quorum_mcp.providers.sim.brain import think
from quorum_mcp.providers.sim.chance import roll
from quorum_mcp.providers.sim.exchange import Exchange
from quorum_mcp.providers.sim.models import Fault, Model
from quorum_mcp.providers.sim.shapes.shape import Shape
from quorum_mcp.providers.sim.stats import Count

_PIECE = re.compile(r"\s*\S+\s*|\s+")
_TICK = 0.025
_SLOW_PACE = 2.0
_CUT_AFTER = 5
_DEFAULT_WAIT = 1.0


class Pace(Struct, frozen=True):
    """Seconds before the first token, and tokens a second (0: no waiting)."""

    delay: float
    tokens: float

    def whole(self, tokens: int) -> float:
        """Seconds that a whole answer of so many tokens takes."""
        return self.delay + (tokens / self.tokens if self.tokens else 0.0)


def pace_of(model: Model, speed: float, *words: object) -> Pace:
    """How fast a model talks on a server of this speed (0: no waiting at all)."""
    knobs, personality = model.knobs, model.personality
    spread = 0.7 + 0.6 * roll(*words, "delay")
    delay = knobs.delay if knobs.delay is not None else personality.delay * spread / speed if speed else 0.0
    tokens = knobs.pace if knobs.pace is not None else personality.pace * speed
    if knobs.fault == "slow" and knobs.pace is None:
        tokens = _SLOW_PACE
    return Pace(delay, tokens)


def reply_to(ask: Ask, *, empty: bool = False) -> Reply:
    """The answer, cut to the token cap and at the first stop sequence, with its counts."""
    text = "" if empty else think(ask)
    for sequence in ask.stop:
        text = text.split(sequence, 1)[0] if sequence else text
    stop = "stop"
    if ask.max_tokens is not None and count_tokens(text) > ask.max_tokens:
        text, stop = cut_to(text, ask.max_tokens), "length"
    name = ask.model.asked
    return Reply(
        new_id("sim"), name, text, stop, count_tokens(ask.everything), count_tokens(text), int(time.time())
    )


async def tell(
    exchange: Exchange, shape: Shape, ask: Ask, pace: Pace, fault: Fault | None, count: Count
) -> None:
    """Send the answer. `fault` is the one that hits this request, if any."""
    knobs = ask.model.knobs
    if fault is not None:
        count.faults += 1
    if fault == "flaky":
        await exchange.json(knobs.status, shape.error(knobs.status, "a simulated failure"))
        return
    if fault == "limited":
        wait = _DEFAULT_WAIT if knobs.after is None else knobs.after
        text = f"a simulated rate limit; try again in {wait:g} s"
        await exchange.json(429, shape.error(429, text), {"retry-after": f"{math.ceil(wait)}"})
        return
    reply = reply_to(ask, empty=fault == "empty")
    if ask.stream:
        done = await _stream(exchange, shape, ask, reply, pace, fault)
    else:
        done = await _whole(exchange, shape, reply, pace, fault, knobs.after)
    if done:
        count.answered += 1
        count.input_tokens += reply.input_tokens
        count.output_tokens += reply.output_tokens


async def _whole(
    exchange: Exchange, shape: Shape, reply: Reply, pace: Pace, fault: Fault | None, after: float | None
) -> bool:
    if fault == "hang" and not after:
        await exchange.pause(None)
    await exchange.pause(pace.whole(reply.output_tokens))
    value = shape.whole(reply)
    if fault not in ("hang", "cut", "malformed"):
        await exchange.json(200, value)
        return fault is None
    body = encode(value)
    half = body[: len(body) // 2]
    if fault == "malformed":
        await exchange.begin(200, "application/json", {"content-length": str(len(half))})
        await exchange.write(half)
        await exchange.end()
        return False
    await exchange.begin(200, "application/json", {"content-length": str(len(body))})
    await exchange.write(half)
    if fault == "hang":
        await exchange.pause(None)
    return False


async def _stream(
    exchange: Exchange, shape: Shape, ask: Ask, reply: Reply, pace: Pace, fault: Fault | None
) -> bool:
    after = ask.model.knobs.after
    if fault == "hang" and not after:
        await exchange.pause(None)
    await exchange.pause(pace.delay)
    await exchange.begin(200, shape.stream_type, {"cache-control": "no-cache"})
    for frame in shape.opening(reply):
        await exchange.write(frame)
    breaks = fault in ("hang", "cut", "malformed")
    limit = (_CUT_AFTER if after is None else int(after)) if breaks else None
    due = 0.0
    for text in _pieces(reply.text, limit):
        due += count_tokens(text) / pace.tokens if pace.tokens else 0.0
        if due >= _TICK:
            await exchange.pause(due)
            due = 0.0
        await exchange.write(shape.piece(reply, text))
    if fault == "hang":
        await exchange.pause(None)
    if fault == "malformed":
        await exchange.write(shape.piece(reply, "…").replace(b"}", b"", 2))
        await exchange.end()
    if breaks:
        return False
    for frame in shape.closing(reply, ask):
        await exchange.write(frame)
    await exchange.end()
    return fault is None


def _pieces(text: str, tokens: int | None) -> Iterator[str]:
    """The text word by word, up to so many tokens; joined again it is the same text."""
    shown = text if tokens is None else cut_to(text, tokens)
    for match in _PIECE.finditer(shown):
        yield match.group()
