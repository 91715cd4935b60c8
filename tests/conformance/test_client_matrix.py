"""Every official client against every outbound wire: whatever API is spoken, whatever provider answers.

Providers are aimock, which others wrote, for chats; it has no embeddings and lists of some vendors, so those come
from the simulated panel.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.conformance.aimock import running_aimock
from tests.conformance.sdk import NAMES, Sdk, clients
from tests.integration.simulated import WIRES as SIM_PATHS
from tests.integration.simulated import sim
from tests.support.media import PIXEL
from tests.support.rest import Rest
from tests.support.server import serving

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.needs("node"),
    pytest.mark.timeout(40),  # the clients build their types when first used
    pytest.mark.filterwarnings(
        "ignore:Inheritance class AiohttpClientSession:DeprecationWarning"
    ),  # Google's own
]
HELLO = "Hello: Grüße, 世界, 🌍! And some more words, so that it comes in several pieces."
WIRES = {
    "openai": ("/v1", "gpt-5"), "anthropic": ("", "claude-sonnet-4-5"), "google": ("", "gemini-2.5-pro"),
    "mistral": ("", "some-model"), "ollama": ("", "some-model"),
}  # fmt: skip
"""Where aimock serves each wire, and a model of the kind that it knows there."""


@pytest.fixture(scope="module")
def aimock() -> Iterator[str]:
    with running_aimock() as url:
        yield url


@pytest.fixture(scope="module")
async def sdks(aimock: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Sdk]]:
    async with sim() as (simulated, _):
        providers: dict[str, Any] = {}
        for wire, (path, model) in WIRES.items():
            providers[f"to-{wire}"] = {"wire": wire, "base_url": aimock + path, "models": [model]}
            providers[f"sim-{wire}"] = {"wire": wire, "base_url": simulated.url + SIM_PATHS[wire]}
        given = {"providers": providers, "retry": {"attempts": 1}}
        async with serving(tmp_path_factory.mktemp("matrix"), given) as q, clients(q.url) as found:
            await discovered(q)
            yield found


async def discovered(q: Rest) -> None:
    """The simulated panel's models, listed over every wire."""
    listed = await q.get("/v1/models/discover")
    assert not [name for name in listed["quorum"]["errors"] if name.startswith("sim-")], listed.body


@pytest.fixture(params=NAMES)
def sdk(request: pytest.FixtureRequest, sdks: dict[str, Sdk]) -> Sdk:
    return sdks[request.param]


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def model(wire: str) -> str:
    return f"to-{wire}/{WIRES[wire][1]}"


async def test_chat_and_stream(sdk: Sdk, model: str) -> None:
    assert await sdk.chat(model, "say hello") == HELLO
    pieces = await sdk.stream(model, "say hello")
    assert "".join(pieces) == HELLO
    assert len(pieces) > 3


async def test_parallel_tools_and_their_results(sdk: Sdk, model: str) -> None:
    calls, said = await sdk.tools(model, "weather in two cities")
    assert [(name, given["city"]) for name, given in calls] == [
        ("get_weather", "Paris"),
        ("get_weather", "Rome"),
    ]
    assert said == "Paris 20, Rome 25."


async def test_structured_output(sdk: Sdk, model: str) -> None:
    assert await sdk.structured(model, "as json") == {"city": "Paris", "degrees": 20}


async def test_images(sdk: Sdk, model: str) -> None:
    assert await sdk.see(model, "what is on this picture", PIXEL) == "A cat."


async def test_errors(sdk: Sdk, model: str, wire: str) -> None:
    assert await sdk.fail(model, "wrong key") == 502
    assert await sdk.fail(model, "too long") == 413
    assert await sdk.fail(f"to-{wire}/none", "say hello") == 404


async def test_embeddings(sdk: Sdk, wire: str) -> None:
    if wire == "anthropic":
        return  # the vendor has none; the refusal is tested with the other tasks
    found = await sdk.embed(f"sim-{wire}/embed", ["the red harbour", "quarterly figures"])
    if found is not None:
        assert len(found) == 2
        assert len(found[0]) == len(found[1]) > 10
        assert list(found[0]) != list(found[1])


async def test_models(sdk: Sdk, wire: str) -> None:
    assert {f"to-{wire}/{WIRES[wire][1]}", f"sim-{wire}/atlas", "quorum/quick"} <= await sdk.models()
