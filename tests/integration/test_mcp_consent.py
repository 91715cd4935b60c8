"""A person agrees before a tool spends much: by a round trip, or on the line in the older revision."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp_types import ElicitResult
from tests.support.mcp import LEGACY, META, MODERN, Wire, bare, messages, over_http, over_stdio
from tests.support.server import config, serving
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
EVERYWHERE = [(how, revision) for how in ("http", "stdio", "relay") for revision in (MODERN, LEGACY)]
DEAR = {"input_per_million": 10.0, "output_per_million": 100.0}
"""One answer may cost up to 0.8 USD."""
ASK = {"problem": "2 + 2?", "thinking_mode": "low"}


class User:
    """Somebody who answers what the client asks."""

    def __init__(self, *answers: ElicitResult) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, _: Any, params: Any) -> ElicitResult:
        self.asked.append(params.message)
        return self.answers.pop(0)


def yes() -> ElicitResult:
    return ElicitResult(action="accept", content={"go_on": True})


NO = (
    ElicitResult(action="decline"),
    ElicitResult(action="cancel"),
    ElicitResult(action="accept", content={"go_on": False}),
)


@asynccontextmanager
async def client_of(
    tmp_path: Path, how: str, revision: str, user: User | None, *, above: float = 0.5
) -> AsyncIterator[tuple[Upstream, Client]]:
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(upstream())
        up.model("a", "CONCLUSION: 4")
        given = config(up.url, price=DEAR, panels={"default": ["lab/a"]}, mcp={"confirm_above": above})
        options: dict[str, Any] = {} if user is None else {"elicitation_callback": user}
        if how == "stdio":
            client = over_stdio(tmp_path, given, revision, options=options)
        else:
            rest = await stack.enter_async_context(serving(tmp_path, given))
            relayed = over_stdio(tmp_path / "host", {}, revision, options=options, QUORUM_URL=rest.url)
            client = over_http(rest.url, revision, options=options) if how == "http" else relayed
        yield up, await stack.enter_async_context(client)


@pytest.mark.parametrize(("how", "revision"), EVERYWHERE)
async def test_a_yes_lets_it_go_on(tmp_path: Path, how: str, revision: str) -> None:
    user = User(yes())
    async with client_of(tmp_path, how, revision, user) as (up, client):
        result = await client.call_tool("think_deeper", ASK)
        assert not result.is_error, result.content
        assert result.structured_content["conclusion"] == "4"
        assert up.count() == 1
    assert len(user.asked) == 1
    assert "up to $" in user.asked[0]


@pytest.mark.parametrize("answer", NO)
@pytest.mark.parametrize("revision", [MODERN, LEGACY])
async def test_a_no_spends_nothing(tmp_path: Path, revision: str, answer: ElicitResult) -> None:
    async with client_of(tmp_path, "http", revision, User(answer)) as (up, client):
        result = await client.call_tool("think_deeper", ASK)
        assert result.is_error
        assert json.loads(result.content[0].text)["error"]["code"] == "cancelled"
        assert up.count() == 0


@pytest.mark.parametrize(("how", "revision"), EVERYWHERE)
async def test_who_cannot_be_asked_is_refused(tmp_path: Path, how: str, revision: str) -> None:
    async with client_of(tmp_path, how, revision, None) as (up, client):
        result = await client.call_tool("think_deeper", ASK)
        error = json.loads(result.content[0].text)["error"]
        assert (result.is_error, error["code"]) == (True, "approval_required")
        assert "mcp.confirm_above" in error["hint"]
        assert up.count() == 0


@pytest.mark.parametrize("revision", [MODERN, LEGACY])
async def test_what_costs_little_is_not_asked(tmp_path: Path, revision: str) -> None:
    async with client_of(tmp_path, "http", revision, User(), above=1000.0) as (up, client):
        assert not (await client.call_tool("think_deeper", ASK)).is_error
        assert not (await client.call_tool("list_models", {})).is_error
        assert up.count() == 1


async def think(wire: Wire, problem: str, state: str | None = None) -> dict[str, Any]:
    """One request of a client that can ask; with a state, also a person's yes."""
    meta = {META + "clientCapabilities": {"elicitation": {}}}
    params: dict[str, Any] = {"name": "think_deeper", "arguments": ASK | {"problem": problem}, "_meta": meta}
    if state is not None:
        answer = {"action": "accept", "content": {"go_on": True}}
        params |= {"inputResponses": {"confirm": answer}, "requestState": state}
    async with wire.post("tools/call", params, request_id=7) as response:
        return (await messages(response))[-1]


async def test_the_state_of_a_call_is_worth_nothing_for_another(tmp_path: Path) -> None:
    async with upstream() as up:
        up.model("a", "CONCLUSION: 4")
        given = config(up.url, price=DEAR, panels={"default": ["lab/a"]}, mcp={"confirm_above": 0.5})
        async with serving(tmp_path, given) as rest, bare(rest.url, MODERN) as wire:
            asked = (await think(wire, "2 + 2?"))["result"]
            assert asked["resultType"] == "input_required"
            state = asked["requestState"]
            for problem, forged in (("3 + 3?", state), ("2 + 2?", state[:-4] + "AAAA"), ("2 + 2?", "{}")):
                assert (await think(wire, problem, forged))["error"]["code"] == -32602
            assert up.count() == 0
            done = (await think(wire, "2 + 2?", state))["result"]
            assert done["structuredContent"]["conclusion"] == "4"


@pytest.mark.parametrize(
    ("other", "accepted"), [("the-same-secret-key", True), ("another-secret-key", False)]
)
async def test_another_replica_goes_on_with_it(tmp_path: Path, other: str, accepted: bool) -> None:
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(upstream())
        up.model("a", "CONCLUSION: 4")
        given = config(up.url, price=DEAR, panels={"default": ["lab/a"]}, mcp={"confirm_above": 0.5})
        wires: list[Wire] = []
        for name, key in (("first", "the-same-secret-key"), ("second", other)):
            server = serving(tmp_path / name, given, QUORUM_SECRET_KEY=key)
            rest = await stack.enter_async_context(server)
            wires.append(await stack.enter_async_context(bare(rest.url, MODERN)))
        state = (await think(wires[0], "2 + 2?"))["result"]["requestState"]
        done = await think(wires[1], "2 + 2?", state)
        assert ("result" in done) is accepted
        assert up.count() == int(accepted)
