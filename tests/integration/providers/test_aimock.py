"""Every wire against a provider server that we did not write, streaming and not."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from quorum_mcp.answers import Answer, ReasoningDelta, TextDelta, ToolUseDelta
from quorum_mcp.codec import decode
from quorum_mcp.config.providers import ProviderSettings
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import (
    BadProviderAnswer,
    ContextTooLong,
    ProviderAuth,
    ProviderError,
    ProviderModelMissing,
    ProviderRateLimited,
    ProviderUnavailable,
    Unsupported,
)
from quorum_mcp.messages import (
    Image,
    JsonFormat,
    Message,
    ModelRequest,
    Text,
    Tool,
    ToolResult,
    ToolUse,
    message,
)
from quorum_mcp.providers.base import Provider, Timeouts
from quorum_mcp.providers.registry import Registry
from quorum_mcp.providers.wires import WIRES
from quorum_mcp.tasks import Embed

pytestmark = [pytest.mark.anyio, pytest.mark.needs("node"), pytest.mark.timeout(40)]

HELLO = "Hello: Grüße, 世界, 🌍! And some more words, so that it comes in several pieces."
TIMES = Timeouts(connect=5, first_byte=5, idle=5, total=10)
WEATHER = Tool(
    "get_weather",
    "The weather in a city.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Place(NamedTuple):
    """Where aimock serves a wire, and a model of the kind that it treats as one that reasons."""

    path: str
    model: str


# A wire that is not named here is looked for at the root, where aimock tells the shapes apart by path.
PLACES = {
    "openai": Place("/v1", "gpt-5"),
    "openrouter": Place("/api/v1", "openai/gpt-5"),
    "anthropic": Place("", "claude-sonnet-4-5"),
    "google": Place("", "gemini-2.5-pro"),
}
SHOWS_NO_REASONING = {"ollama"}  # aimock's Ollama shape has none; the byte server's has
SUBJECTS = [*WIRES, "openrouter"]


class Subject(NamedTuple):
    name: str
    provider: Provider
    model: str
    stream: bool

    async def ask(self, text: str, **fields: object) -> Answer:
        return await self.send(ModelRequest(self.model, (message("user", text),), **fields))

    async def send(self, request: ModelRequest) -> Answer:
        if not self.stream:
            return await self.provider.complete(request, TIMES)
        items = [item async for item in self.provider.stream(request, TIMES)]
        answer = items.pop()
        assert isinstance(answer, Answer)
        check_deltas(answer, items)
        return answer


def check_deltas(answer: Answer, deltas: list[object]) -> None:
    """What was streamed adds up to the answer."""
    assert "".join(d.text for d in deltas if isinstance(d, TextDelta)) == answer.text
    assert "".join(d.text for d in deltas if isinstance(d, ReasoningDelta)) == answer.reasoning
    for index, call in enumerate(answer.tool_uses):
        mine = [d for d in deltas if isinstance(d, ToolUseDelta) and d.index == index]
        assert [d.name for d in mine if d.name] == [call.name]
        assert [d.id for d in mine if d.id] == [call.id]
        assert decode("".join(d.arguments for d in mine)) == decode(call.arguments)


@pytest.fixture(params=["whole", "stream"])
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=SUBJECTS)
async def subject(request: pytest.FixtureRequest, mode: str, aimock: str) -> AsyncIterator[Subject]:
    name = request.param
    place = PLACES.get(name, Place("", "some-model"))
    entry = ProviderSettings(wire="openai" if name == "openrouter" else name, base_url=aimock + place.path)
    registry = Registry(Settings(providers={"lab": entry}, ollama_enable=False))
    yield Subject(name, registry.providers["lab"], place.model, mode == "stream")
    await registry.close()


async def test_text(subject: Subject) -> None:
    answer = await subject.ask("say hello")
    assert answer.parts == (Text(HELLO),)
    assert answer.stop == "stop"
    assert answer.model == subject.model


async def test_reasoning_and_usage(subject: Subject) -> None:
    answer = await subject.ask("think first")
    assert answer.text == "The answer is 42."
    if subject.name not in SHOWS_NO_REASONING:
        assert answer.reasoning == "Six times seven, says the multiplication table."
        # Mistral sends usage in a stream without being asked; aimock only when asked.
        if not (subject.name == "mistral" and subject.stream):
            assert (answer.usage.input, answer.usage.output) == (11, 22)
    if subject.name == "openrouter":
        assert answer.usage.cost == 2_100_000


async def test_parallel_tools_and_their_results(subject: Subject) -> None:
    question = (message("system", "Be brief."), message("user", "weather in two cities"))
    request = ModelRequest(subject.model, question, tools=(WEATHER,))
    answer = await subject.send(request)
    assert answer.stop == "tool_use"
    calls = answer.tool_uses
    assert [call.name for call in calls] == ["get_weather", "get_weather"]
    assert [decode(call.arguments)["city"] for call in calls] == ["Paris", "Rome"]
    assert len({call.id for call in calls}) == 2
    results = tuple(
        ToolResult(call.id, (Text(f"{20 + 5 * number} in {city}"),))
        for number, (call, city) in enumerate(zip(calls, ("Paris", "Rome"), strict=True))
    )
    turns = (*question, Message("assistant", answer.parts), Message("tool", results))
    assert (
        await subject.send(ModelRequest(subject.model, turns, tools=(WEATHER,)))
    ).text == "Paris 20, Rome 25."


async def test_text_before_a_tool_call(subject: Subject) -> None:
    answer = await subject.ask("first words then tool", tools=(WEATHER,))
    assert [type(part) for part in answer.parts] == [Text, ToolUse]
    assert answer.text == "Let me look."


async def test_stop_at_the_cap(subject: Subject) -> None:
    if subject.name == "ollama":
        pytest.skip("aimock's Ollama shape always says that it stopped by itself")
    answer = await subject.ask("stop early", max_tokens=5)
    assert (answer.stop, answer.text) == ("length", "It goes on and")


async def test_structured_output(subject: Subject) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "degrees": {"type": "number"}}}
    answer = await subject.ask("as json", format=JsonFormat(schema))
    assert decode(answer.text) == {"city": "Paris", "degrees": 20}


async def test_images(subject: Subject) -> None:
    parts = (Text("what is on this picture"), Image("image/png", PIXEL))
    answer = await subject.send(ModelRequest(subject.model, (Message("user", parts),)))
    assert answer.text == "A cat."


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("chaos: drop", ProviderUnavailable),
        ("chaos: malformed", BadProviderAnswer),
        ("chaos: limit", ProviderRateLimited),
        ("chaos: disconnect", ProviderUnavailable),
        ("wrong key", ProviderAuth),
        ("too long", ContextTooLong),
        ("overloaded", ProviderUnavailable),
        ("nothing is written for this", ProviderModelMissing),
    ],
)
async def test_failures_have_their_type(subject: Subject, text: str, error: type[ProviderError]) -> None:
    with pytest.raises(error) as caught:
        await subject.ask(text)
    assert type(caught.value) is error
    assert (caught.value.provider, caught.value.model) == ("lab", subject.model)


async def test_a_limit_says_when_to_come_back(subject: Subject) -> None:
    with pytest.raises(ProviderRateLimited) as caught:
        await subject.ask("limit of thirty")
    assert caught.value.retry_after == 30


async def test_a_cut_stream_is_no_answer(subject: Subject) -> None:
    if not subject.stream:
        pytest.skip("a whole answer is not cut by this mode of aimock")
    with pytest.raises(BadProviderAnswer, match="cut"):
        await subject.ask("cut the stream")


async def test_embeddings(subject: Subject) -> None:
    if subject.name in ("google", "ollama"):
        pytest.skip("aimock does not serve this vendor's batch path; the byte server does")
    try:
        texts = (Message("user", (Text("a"), Text("b"))),)
        request = ModelRequest("text-embedding-3-small", texts, task=Embed())
        embeddings = await subject.provider.perform(request, TIMES)
    except Unsupported:
        assert subject.name == "anthropic"
        return
    assert len(embeddings.vectors) == 2
    assert len(embeddings.vectors[0]) == len(embeddings.vectors[1]) > 100


async def test_model_list(subject: Subject) -> None:
    if subject.name == "google":
        pytest.skip("aimock does not serve this vendor's list; the byte server does")
    names = [model.id for model in await subject.provider.models(TIMES)]
    assert any("gpt" in name or "claude" in name for name in names)
