"""A stream that is poured from a provider's connection: nothing lost, nothing twice, whoever holds it up."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from tests.integration.providers.byteserver import LAST, ByteServer, End, Step, chunk, head

from quorum_mcp.answers import Answer, Passed
from quorum_mcp.api.openai.native import read_chat
from quorum_mcp.codec import encode
from quorum_mcp.errors import BadProviderAnswer, ProviderTimeout, QuorumError
from quorum_mcp.providers.base import Timeouts
from quorum_mcp.providers.catalog import catalog
from quorum_mcp.providers.endpoint import Endpoint
from quorum_mcp.providers.flow import Flow
from quorum_mcp.providers.keys import Auth
from quorum_mcp.providers.transport import Transport
from quorum_mcp.providers.wires import load_wire

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
TIMES = Timeouts(connect=2, first_byte=2, idle=2, total=5)
DONE = b"data: [DONE]\n\n"
ASKED = {"model": "m", "stream": True, "stream_options": {"include_usage": True},
         "messages": [{"role": "user", "content": "Who won?"}]}  # fmt: skip
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}

Json = dict[str, Any]


def event(text: str, stop: str | None = None, **more: Any) -> bytes:
    """A chunk as OpenAI publishes it."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": stop}
    known = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + encode(known | more) + b"\n\n"


def words(number: int) -> list[bytes]:
    return [event(f"word{n} 🦉 ") for n in range(number)]


ENDING = [event("", "stop"), event("", choices=[], usage=USAGE), DONE]


class Caller:
    """Takes what is sent; `busy` says whether it does not at the moment."""

    def __init__(self, busy: Callable[[], bool] = lambda: False, pause: float = 0.0) -> None:
        self.sent = b""
        self.waited = 0
        self._busy = busy
        self._pause = pause
        self._sending = False

    def at_once(self, data: bytes) -> bool:
        assert not self._sending, "what comes later must not overtake"
        if self._busy():
            return False
        self.sent += data
        return True

    async def piece(self, data: bytes) -> None:
        self._sending = True
        self.waited += 1
        await asyncio.sleep(self._pause)
        self.sent += data
        self._sending = False


def endpoint(server: ByteServer, transport: Transport) -> Endpoint:
    entry = catalog().vendors["openai"]
    wire = load_wire("openai", catalog().dialect("openai", entry))
    return Endpoint("lab", wire, server.url, Auth(wire.auth, ("secret-key-1",)), transport)


async def passed_on(
    server: ByteServer, transport: Transport, caller: Caller, *, pour: bool = True, times: Timeouts = TIMES
) -> tuple[Answer, int]:
    """The answer at the end, and how many streams were poured."""
    request, flows, told, texts = read_chat(encode(ASKED)).request, 0, list[str](), ""
    async for item in endpoint(server, transport).stream(request, times):
        if isinstance(item, Answer):
            assert texts + "".join(told) == item.text
            return item, flows
        if isinstance(item, Flow):
            flows += 1
            item.told = told.append
            if pour:
                await item.into(caller)
        else:
            assert isinstance(item, Passed)
            caller.sent += item.data
            texts += item.text
    raise AssertionError("no answer")


def pieces(chance: random.Random, data: bytes) -> list[Step]:
    """The bytes as a network may cut them, with pauses, in chunks that may be longer or shorter than the pieces."""
    steps: list[Step] = [head("text/event-stream")]
    while data:
        size = chance.choice((1, 20, 150, 170, 400, 5000))
        whole, data = chunk(data[:size]), data[size:]
        if chance.random() < 0.2:
            middle = chance.randrange(len(whole))
            steps += [whole[:middle], 0.001, whole[middle:]]
        else:
            steps.append(whole)
        if chance.random() < 0.3:
            steps.append(0.001)
    return [*steps, LAST]


@pytest.mark.parametrize("pour", [True, False], ids=["poured", "read"])
async def test_everything_arrives_once_and_in_order(
    pour: bool, server: ByteServer, transport: Transport
) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance, poured = random.Random(seed), 0
    for _ in range(15):
        said = b"".join([*words(chance.randint(1, 60)), *ENDING])
        steps = pieces(chance, said)
        server.answer = lambda _, steps=steps: steps
        share = chance.choice((0.0, 0.1, 0.5, 1.0))
        caller = Caller(lambda share=share: chance.random() < share, pause=chance.choice((0.0, 0.002)))
        answer, flows = await passed_on(server, transport, caller, pour=pour)
        assert caller.sent == said
        assert (answer.stop, answer.usage.output) == ("stop", 4)
        poured += flows
    assert poured > 5
    assert server.connections == 1, "the connection is kept"


FIRST = words(1)[0]
BROKEN: dict[str, tuple[list[Step], type[QuorumError], str]] = {
    "cut": ([chunk(FIRST), End.CUT], BadProviderAnswer, "cut"),
    "an error": (
        [chunk(b'data: {"error": {"message": "out of breath"}}\n\n'), End.HANG],
        QuorumError,
        "breath",
    ),
    "no JSON": ([chunk(b"data: {\n\n"), End.HANG], BadProviderAnswer, "cannot be read"),
    "silence": ([chunk(FIRST), End.HANG], ProviderTimeout, "stopped for 0.3 s"),
    "without an end": ([chunk(FIRST), LAST], BadProviderAnswer, "end"),
    "too much": ([chunk(event("x" * 30_000)), End.HANG], BadProviderAnswer, "larger than 20000 bytes"),
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_what_goes_wrong_is_told_when_the_stream_goes_on(kind: str, server: ByteServer) -> None:
    steps, error, words_of_it = BROKEN[kind]
    transport = Transport(max_body=20_000)
    server.answer = lambda _: [head("text/event-stream"), chunk(FIRST), 0.02, *steps]
    caller = Caller()
    try:
        with pytest.raises(error, match=words_of_it) as raised:
            await passed_on(
                server, transport, caller, times=Timeouts(connect=2, first_byte=2, idle=0.3, total=5)
            )
    finally:
        await transport.close()
    assert raised.value.provider == "lab"
    assert caller.sent.startswith(FIRST)
    assert caller.sent.count(FIRST) == 1 + (steps[0] == chunk(FIRST))


async def test_a_caller_who_takes_nothing_holds_the_provider_back(
    server: ByteServer, transport: Transport
) -> None:
    """Then its silence is the caller's own, and no time limit of the provider's."""
    sent = 0
    block = b"".join(event("y" * 1000) for _ in range(64))

    def endless(_: object) -> Any:
        nonlocal sent
        yield head("text/event-stream")
        for _ in range(400):
            sent += len(block)
            yield chunk(block)
        yield chunk(b"".join(ENDING))
        yield LAST

    server.answer = endless
    stuck = asyncio.Event()

    class Stuck(Caller):
        async def piece(self, data: bytes) -> None:
            await stuck.wait()
            await super().piece(data)

    caller = Stuck(lambda: not stuck.is_set())
    times = Timeouts(connect=2, first_byte=2, idle=1.0, total=15)
    going = asyncio.create_task(passed_on(server, transport, caller, times=times))
    await asyncio.sleep(2.0)
    assert sent < 15_000_000, "the provider wrote on to nobody"
    assert not going.done()
    stuck.set()
    answer, _ = await going
    assert len(answer.text) == 400 * 64 * 1000
    assert caller.sent.endswith(DONE)


async def test_a_caller_who_leaves_ends_it(server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: [head("text/event-stream"), chunk(FIRST), 0.02, chunk(FIRST), End.HANG]
    caller = Caller()
    going = asyncio.create_task(passed_on(server, transport, caller))
    while caller.sent != FIRST * 2:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.01)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    await asyncio.wait_for(server.dropped.wait(), 1)
