"""OpenAI's Agents SDK as a caller: agents with tools, schemas and memory, over responses and chat completions."""

from collections.abc import AsyncIterator
from typing import Any

import agents
import pytest
from agents import Agent, ModelSettings, Runner
from openai import AsyncOpenAI
from pydantic import BaseModel
from tests.conformance.replay import providers, replaying
from tests.support.script import Asked, Say
from tests.support.server import config, serving
from tests.support.upstream import upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]  # the client builds its types when first used
FOUR = "Two and two is four.\nCONCLUSION: 4"
SHAPES = [agents.OpenAIResponsesModel, agents.OpenAIChatCompletionsModel]


class City(BaseModel):
    name: str
    degrees: int


@agents.function_tool
def look(city: str) -> str:
    """Looks."""
    return f"20 degrees in {city}"


@pytest.fixture(scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsyncOpenAI]:
    agents.set_tracing_disabled(True)
    async with replaying() as recorded, upstream() as up:
        up.model("a", FOUR)
        up.model("b", FOUR)
        up.model("caller", _caller)
        up.model("json", '{"name": "Paris", "degrees": 20}')
        given = config(up.url, panels={"default": ["lab/a", "lab/b"]})
        given["providers"] |= providers(recorded)
        async with (
            serving(tmp_path_factory.mktemp("agents"), given) as q,
            AsyncOpenAI(base_url=f"{q.url}/v1", api_key="none", max_retries=0) as made,
        ):
            yield made


def _caller(asked: Asked) -> Say:
    if asked.messages[-1]["role"] == "tool":
        return Say(f"{asked.messages[-1]['content']}, says the tool.")
    return Say(tools=(("look", '{"city": "Paris"}'),))


async def run(agent: Agent[Any], asked: Any, *, stream: bool) -> Any:
    """The result, after all of its events where it is streamed."""
    if not stream:
        return await Runner.run(agent, asked)
    result = Runner.run_streamed(agent, asked)
    assert [event async for event in result.stream_events()]
    return result


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("shape", SHAPES)
async def test_tools_and_going_on(client: AsyncOpenAI, shape: Any, stream: bool) -> None:
    agent = Agent(name="A", instructions="Be brief.", model=shape("lab/caller", client), tools=[look])
    first = await run(agent, "How warm is Paris?", stream=stream)
    assert first.final_output == "20 degrees in Paris, says the tool."
    again = [*first.to_input_list(), {"role": "user", "content": "Sure?"}]
    assert (await run(agent, again, stream=stream)).final_output == first.final_output


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("shape", SHAPES)
async def test_schemas_and_panels(client: AsyncOpenAI, shape: Any, stream: bool) -> None:
    typed = Agent(name="A", model=shape("lab/json", client), output_type=City)
    assert (await run(typed, "?", stream=stream)).final_output == City(name="Paris", degrees=20)
    panel = Agent(name="A", instructions="Be brief.", model=shape("quorum/quick", client))
    assert (await run(panel, "What is 2 + 2?", stream=stream)).final_output == FOUR


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_sealed_reasoning_goes_back(client: AsyncOpenAI, stream: bool) -> None:
    sealed = ModelSettings(store=False, response_include=["reasoning.encrypted_content"])
    model = "anthropic/thinking-with-its-signature-and-sealed-thinking"
    agent = Agent(name="A", model=agents.OpenAIResponsesModel(model, client), model_settings=sealed)
    first = await run(agent, "Think.", stream=stream)
    again = [*first.to_input_list(), {"role": "user", "content": "Sure?"}]
    assert (await run(agent, again, stream=stream)).final_output == "42"
