"""The simulated panel, asked through Quorum's real wires over loopback."""

import asyncio
import json
import re
import time

import aiohttp
import pytest
from tests.integration.simulated import QUICK, WIRES, asked, sim, speaking

from quorum_mcp.answers import Answer, TextDelta
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import (
    BadProviderAnswer,
    ProviderError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from quorum_mcp.messages import Message, ModelRequest, Text, message
from quorum_mcp.providers.base import Provider, Timeouts
from quorum_mcp.providers.registry import Registry
from quorum_mcp.providers.sim.models import FAULTS, NAMES
from quorum_mcp.providers.sim.provider import register_sim, sim_provider
from quorum_mcp.providers.sim.server import start
from quorum_mcp.providers.transport import Transport
from quorum_mcp.tasks import Embed

pytestmark = pytest.mark.anyio


async def streamed(
    provider: Provider, request: ModelRequest, timeouts: Timeouts = QUICK
) -> tuple[str, Answer]:
    items = [item async for item in provider.stream(request, timeouts)]
    assert isinstance(items[-1], Answer)
    return "".join(item.text for item in items if isinstance(item, TextDelta)), items[-1]


@pytest.mark.parametrize("wire", WIRES)
async def test_every_wire_streams_what_it_answers_whole(wire: str) -> None:
    async with sim() as (server, transport):
        provider = speaking(wire, server, transport)
        request = asked("atlas", "What is 17% of 2,340?", max_tokens=500)
        whole = await provider.complete(request, QUICK)
        text, last = await streamed(provider, request)
        assert whole.text == text == last.text
        assert whole.text.startswith("Simulated answer")
        assert re.search(r"^CONCLUSION: 39[78]", whole.text, re.MULTILINE)
        assert whole.usage == last.usage
        assert whole.usage.output == -(-len(text) // 4)
        assert whole.usage.input > 100
        assert whole.model == "atlas"
        assert {model.id for model in await provider.models(QUICK)} >= set(NAMES)


@pytest.mark.parametrize("wire", WIRES)
async def test_max_tokens_cut_the_answer(wire: str) -> None:
    async with sim() as (server, transport):
        provider = speaking(wire, server, transport)
        request = asked("delta", "How should we plan the migration?", max_tokens=10)
        whole = await provider.complete(request, QUICK)
        _, last = await streamed(provider, request)
        assert whole.stop == last.stop == "length"
        assert len(whole.text) == len(last.text) == 40
        assert last.usage.output == 10


@pytest.mark.parametrize("wire", ["openai", "google", "mistral", "ollama"])
async def test_embeddings_of_like_texts_are_near(wire: str) -> None:
    async with sim() as (server, transport):
        texts = ["the red harbour", "a red harbour", "quarterly figures"]
        request = ModelRequest("embed", (Message("user", tuple(Text(one) for one in texts)),), task=Embed())
        found = await speaking(wire, server, transport).perform(request, QUICK)
        near, far = (sum(a * b for a, b in zip(found.vectors[0], v, strict=True)) for v in found.vectors[1:])
        assert near > 0.99 > far


async def test_the_same_seed_says_the_same_and_another_one_does_not() -> None:
    questions = [f"What is {a} * 17?" for a in range(11, 61)]

    async def answers(**seed: int) -> list[str]:
        async with sim(**seed) as (server, transport):
            provider = sim_provider(server.url, transport)
            return [(await provider.complete(asked("ember", q), QUICK)).text for q in questions]

    first, again, other = await answers(seed=1), await answers(seed=1), await answers(seed=2)
    assert first == again
    assert first != other


async def test_personalities_are_as_often_wrong_as_they_say() -> None:
    async with sim() as (server, transport):
        provider = sim_provider(server.url, transport)
        for name in ("atlas", "ember", "birch?wrong=1", "birch?wrong=0"):
            right = 0
            for a in range(60):
                text = (await provider.complete(asked(name, f"What is {a} + {a * a} + 12?"), QUICK)).text
                stated = text.rpartition("CONCLUSION: ")[2]
                right += stated == str(a + a * a + 12)
            expected = {
                "atlas": (54, 60),
                "ember": (18, 42),
                "birch?wrong=1": (0, 0),
                "birch?wrong=0": (60, 60),
            }
            low, high = expected[name]
            assert low <= right <= high, name


async def test_the_request_to_conclude_is_obeyed_as_often_as_told() -> None:
    async with sim() as (server, transport):
        provider = sim_provider(server.url, transport)
        stated = 0
        for a in range(40):
            answer = await provider.complete(asked("atlas?comply=0.5", f"What is {a} + 3?"), QUICK)
            stated += "CONCLUSION:" in answer.text
        assert 8 <= stated <= 32
        bare = ModelRequest("atlas", (message("user", "What is 2 + 2?"),))
        assert "CONCLUSION:" not in (await provider.complete(bare, QUICK)).text


# Faults


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("flaky?rate=1", ProviderUnavailable),
        ("atlas?fault=flaky&status=529&rate=1", ProviderUnavailable),
        ("limited?after=3", ProviderRateLimited),
        ("hang", ProviderTimeout),
        ("birch?fault=hang&after=3", ProviderTimeout),
        ("cut", BadProviderAnswer),
        ("malformed", BadProviderAnswer),
        ("empty", BadProviderAnswer),
        ("nobody", ProviderRefused),
        ("atlas?colour=red", ProviderRefused),
        ("atlas?rate=much", ProviderRefused),
    ],
)
async def test_faults_reach_the_caller_as_typed_errors(
    model: str, error: type[ProviderError], stream: bool
) -> None:
    async with sim() as (server, transport):
        provider = sim_provider(server.url, transport)
        timeouts = Timeouts(connect=1, first_byte=0.3, idle=0.3, total=2)
        request = asked(model, "How should we plan the migration?")
        with pytest.raises(error) as caught:
            await (streamed(provider, request, timeouts) if stream else provider.complete(request, timeouts))
        assert caught.value.provider == "sim"
        if error is ProviderRateLimited:
            assert caught.value.retry_after == 3


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("fault", ["flaky?rate=1", "limited", "cut", "malformed", "empty"])
async def test_every_wire_gets_its_own_shape_of_fault(wire: str, fault: str) -> None:
    async with sim() as (server, transport):
        provider = speaking(wire, server, transport)
        with pytest.raises(ProviderError):
            await provider.complete(asked(fault, "What is 2 + 2?", max_tokens=99), QUICK)
        with pytest.raises(ProviderError):
            await streamed(provider, asked(fault, "How should we plan?", max_tokens=99))


async def test_a_flaky_model_fails_at_its_rate_and_is_counted() -> None:
    async with sim() as (server, transport):
        provider = sim_provider(server.url, transport)
        failed = 0
        for _ in range(60):
            try:
                await provider.complete(asked("flaky?rate=0.3", "What is 2 + 2?"), QUICK)
            except ProviderUnavailable:
                failed += 1
        assert 8 <= failed <= 30
        stats = await get(f"{server.url}/_stats")
        counted = stats["models"]["flaky?rate=0.3"]
        assert (counted["requests"], counted["faults"], counted["answered"]) == (60, failed, 60 - failed)


async def test_delay_and_pace_are_kept_and_a_hang_up_is_noticed() -> None:
    async with sim() as (server, transport):
        provider = sim_provider(server.url, transport)
        began = time.monotonic()
        _, answer = await streamed(provider, asked("birch?delay=0.2&pace=200", "What is 2 + 2?"))
        took = time.monotonic() - began
        assert took >= 0.2 + answer.usage.output / 200 - 0.05
        with pytest.raises(ProviderTimeout):
            await provider.complete(asked("slow", "How should we plan?"), Timeouts(1, 0.2, 0.2, 0.2))
        for _ in range(50):
            stats = await get(f"{server.url}/_stats")
            if stats["models"]["slow"]["abandoned"]:
                break
            await asyncio.sleep(0.02)
        assert stats["models"]["slow"] | {"requests": 1, "abandoned": 1, "open": 0} == stats["models"]["slow"]


async def test_stopping_ends_answers_that_hang() -> None:
    transport = Transport()
    server = await start(speed=0)
    provider = sim_provider(server.url, transport)
    hanging = asyncio.create_task(provider.complete(asked("hang", "Hello?"), Timeouts(1, 30, 30, 30)))
    for _ in range(100):
        if (await get(f"{server.url}/_stats"))["models"]:
            break
        await asyncio.sleep(0.01)
    began = time.monotonic()
    await server.stop()
    assert time.monotonic() - began < 2
    with pytest.raises(ProviderError):
        await hanging
    await transport.close()


# Labels


async def get(url: str, **headers: str) -> dict:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        assert answer.headers["x-simulated"] == "true"
        return await answer.json()


async def test_every_surface_says_that_it_is_simulated() -> None:
    chat = {"messages": [{"role": "user", "content": "What is 2 + 2?"}], "model": "atlas", "max_tokens": 50}
    contents = {"contents": [{"role": "user", "parts": [{"text": "What is 2 + 2?"}]}]}
    posts = {
        "/v1/chat/completions": chat,
        "/v1/messages": chat,
        "/api/chat": chat | {"stream": False},
        "/v1beta/models/atlas:generateContent": contents,
        "/v1/embeddings": {"model": "embed", "input": "x"},
        "/v1beta/models/embed:embedContent": {"content": {"parts": [{"text": "x"}]}},
        "/nowhere": {},
    }
    async with sim() as (server, _), aiohttp.ClientSession() as session:
        for path, body in posts.items():
            async with session.post(server.url + path, json=body) as answer:
                assert answer.headers["x-simulated"] == "true", path
                assert (await answer.json())["simulated"] is True, path
        for path in ("/v1/models", "/v1beta/models", "/api/tags", "/api/version", "/_stats"):
            assert (await get(server.url + path))["simulated"] is True, path
        async with session.post(server.url + "/v1/chat/completions", json=chat | {"stream": True}) as answer:
            lines = [line[6:] for line in (await answer.text()).splitlines() if line.startswith("data: {")]
            assert len(lines) > 3
            assert all(json.loads(line)["simulated"] is True for line in lines)


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"host": "evil.example"}, 403), ({"origin": "http://evil.example"}, 403), ({"host": "localhost"}, 200)],
)
async def test_pages_of_other_sites_are_refused(headers: dict[str, str], status: int) -> None:
    async with (
        sim() as (server, _),
        aiohttp.ClientSession() as session,
        session.get(server.url + "/v1/models", headers=headers) as answer,
    ):
        assert answer.status == status


@pytest.mark.parametrize(
    "body",
    [
        b"no json", b"[]", b"{}", b'{"model": "atlas"}', b'{"model": "atlas", "messages": []}',
        b'{"model": "atlas", "messages": ["x"]}', b'{"model": 7, "messages": [{"role": "user", "content": "x"}]}',
        b'{"model": "atlas", "messages": [{"role": "king", "content": "x"}]}',
        b'{"model": "atlas", "messages": [{"role": "user", "content": 7}]}',
        b'{"model": "atlas", "messages": [{"role": "user", "content": "x"}], "max_tokens": -1}',
        b'{"model": "atlas", "messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function"}]}',
        b'{"model": "atlas", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}',
    ],
)  # fmt: skip
async def test_bad_requests_get_a_400(body: bytes) -> None:
    async with (
        sim() as (server, _),
        aiohttp.ClientSession() as session,
        session.post(server.url + "/v1/chat/completions", data=body) as answer,
    ):
        assert answer.status == 400
        assert (await answer.json())["error"]["message"]


async def test_through_the_registry() -> None:
    async with sim() as (server, _):
        registry = Registry(Settings())
        register_sim(registry, server.url)
        try:
            target = registry.resolve("sim/birch?delay=0")
            assert target.provider.kind == "sim"
            answer = await target.provider.complete(asked(target.model, "What is 2 + 2?"), QUICK)
            assert "CONCLUSION: " in answer.text
            assert set(registry.known("sim")) >= set(FAULTS)
            assert registry.price("sim", "birch") is not None
        finally:
            await registry.close()
