"""Model servers on this machine are told from each other, and from our own."""

import time
from collections.abc import Callable

import msgspec
import pytest
from tests.integration.providers.byteserver import ByteServer, End, Request, Step, byte_server, whole

from quorum_mcp.config.providers import ProviderSettings
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import ConfigError, ModelNotFound
from quorum_mcp.providers.catalog import Catalog, LocalServer, catalog
from quorum_mcp.providers.detect import detect
from quorum_mcp.providers.registry import ABSENT, Registry
from quorum_mcp.providers.transport import Transport

pytestmark = pytest.mark.anyio

SERVERS = catalog().servers
TAGS = {"models": [{"name": "llama3:latest", "model": "llama3:latest", "size": 1}]}


def listing(owner: str) -> dict[str, object]:
    return {"object": "list", "data": [{"id": "m-1", "object": "model", "created": 1, "owned_by": owner}]}


def serve(path: str, body: object) -> Callable[[Request], list[Step]]:
    return lambda request: whole(body) if request.path == path else whole({"error": "no"}, 404)


def at(server: ByteServer, name: str) -> LocalServer:
    suffix = "/v1" if SERVERS[name].wire == "openai" else ""
    return msgspec.structs.replace(SERVERS[name], base_url=server.url + suffix)


@pytest.mark.parametrize(
    ("name", "path", "body"),
    [
        ("ollama", "/api/tags", TAGS),
        ("lmstudio", "/v1/models", listing("organization_owner")),
        ("llamacpp", "/v1/models", listing("llamacpp")),
        ("vllm", "/v1/models", listing("vllm")),
    ],
)
async def test_each_kind_is_found_as_itself_alone(
    name: str, path: str, body: object, server: ByteServer, transport: Transport
) -> None:
    server.answer = serve(path, body)
    found = await detect(transport, {other: at(server, other) for other in SERVERS}, seconds=2)
    assert [entry.name for entry in found] == [name]
    assert found[0].models in (("m-1",), ("llama3:latest",))


@pytest.mark.parametrize(
    "body",
    [
        listing("quorum"),
        {"object": "list", "data": []},
        {"data": {}},
        [],
        "hello",
        b"<html>",
        {"models": [1]},
    ],
)
async def test_other_servers_are_not_mistaken(body: object, server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: whole(body)
    assert await detect(transport, {other: at(server, other) for other in SERVERS}, seconds=2) == ()


async def test_a_silent_port_costs_a_blink(server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: [End.HANG]
    began = time.monotonic()
    assert await detect(transport, {other: at(server, other) for other in SERVERS}) == ()
    assert time.monotonic() - began < 1.8


async def test_only_this_machine_is_asked(transport: Transport) -> None:
    away = LocalServer("Away", "openai", "http://10.0.0.1:8000/v1", "vllm")
    with pytest.raises(ConfigError, match="not on this machine"):
        await detect(transport, {"away": away})


async def test_the_registry_adds_what_runs_and_sets_aside_what_does_not(server: ByteServer) -> None:
    server.answer = serve("/v1/models", listing("vllm"))
    async with byte_server() as gone:
        absent = gone.url
    vendors = msgspec.structs.replace(
        catalog(), servers={"vllm": at(server, "vllm"), "ollama": SERVERS["ollama"]}
    )
    registry = Registry(Settings(env={"OLLAMA_HOST": absent}), vendors=vendors)
    assert set(registry.providers) == {"ollama"}
    await registry.detect()
    assert set(registry.providers) == {"vllm"}
    assert registry.resolve("vllm").name == "vllm/m-1"
    assert registry.resolve("m-1").name == "vllm/m-1"
    assert {d.name: d.missing for d in registry.describe()}["ollama"] == ABSENT
    with pytest.raises(ModelNotFound):
        registry.resolve("ollama/llama3")
    await registry.close()


async def test_ollama_comes_back_when_it_runs_again() -> None:
    vendors: Catalog = msgspec.structs.replace(catalog(), servers={"ollama": SERVERS["ollama"]})
    async with byte_server() as server:
        server.answer = lambda _: whole(b"", 404)
        registry = Registry(Settings(env={"OLLAMA_HOST": server.url}), vendors=vendors)
        await registry.detect()
        assert "ollama" not in registry.providers
        server.answer = serve("/api/tags", TAGS)
        await registry.detect()
        assert registry.resolve("llama").name == "ollama/llama3:latest"
        await registry.close()


async def test_names_are_found_in_the_providers_own_lists(server: ByteServer) -> None:
    server.answer = serve("/v1/models", listing("somebody"))
    entry = ProviderSettings(wire="openai", base_url=f"{server.url}/v1")
    registry = Registry(Settings(providers={"lab": entry}, ollama_enable=False))
    with pytest.raises(ModelNotFound):
        registry.resolve("m-1")
    assert (await registry.find("m-1")).name == "lab/m-1"
    assert (await registry.find("lab")).name == "lab/m-1"
    with pytest.raises(ModelNotFound) as caught:
        await registry.find("m-2")
    assert caught.value.hint == "did you mean m-1?"
    await registry.close()
