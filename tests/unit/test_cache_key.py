"""The key of an answer: everything that changes what a model says changes it, and nothing is kept that must not be."""

from typing import Any

import pytest
from msgspec import Struct, structs
from tests.support.caching import call, target

from quorum_mcp.api.openai.native import read_chat
from quorum_mcp.calls.cache.key import key_of, parse
from quorum_mcp.calls.call import Call
from quorum_mcp.codec import encode
from quorum_mcp.config.settings import CacheSettings
from quorum_mcp.messages import (
    Audio,
    Document,
    Extra,
    Image,
    JsonFormat,
    Message,
    ModelRequest,
    Part,
    Reasoning,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    message,
)
from quorum_mcp.providers.registry import Target
from quorum_mcp.tasks import Embed

TARGET = target()
TALK = (
    message("system", "Be brief."),
    Message("user", (Text("What is this?"), Image("image/png", "aGVsbG8=", "http://example.org/a.png"))),
    Message("assistant", (Reasoning("Hm.", "sig", "opaque"), Text("A cat."))),
    message("user", "And its colour?"),
)
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}
FULL = ModelRequest(
    "", TALK, format=JsonFormat(SCHEMA), max_tokens=100, temperature=0.3, top_p=0.9, stop=("END",), seed=1,
    reasoning_effort="low", parallel_tools=False,
)  # fmt: skip
FIELDS: dict[str, list[Any]] = {
    "messages": [TALK[1:], (*TALK, message("user", "")), TALK[::-1]],
    "tools": [(Tool("t", "", {}),)],
    "tool_choice": [ToolChoice("none"), ToolChoice("named", "t")],
    "parallel_tools": [True, None],
    "format": [
        None,
        JsonFormat(),
        JsonFormat({}),
        JsonFormat(SCHEMA, "other"),
        JsonFormat(SCHEMA, strict=False),
    ],
    "max_tokens": [99, 101, None],
    "temperature": [0.0, 0.30000000000000004, 0.31, 0.7],
    "top_p": [0.91, 1.0, None],
    "stop": [(), ("END", "END"), ("END ",), ("end",)],
    "seed": [0, 2, None],
    "reasoning_effort": ["none", "high", None],
    "task": [Embed()],
    "searches": [1],
    "logprobs": [0, 3],
    "extra": [Extra("openai", {"logit_bias": {"50256": -100}})],
}
NOT_KEPT = {"tools", "extra", "task", "searches", "logprobs"}


def key(request: ModelRequest = FULL, at: Target = TARGET, settings: CacheSettings | None = None, **more: Any) -> str | None:  # fmt: skip
    return key_of(call(request=request, **more), at, settings or CacheSettings())


def test_every_field_of_a_request_changes_the_key() -> None:
    names = {field.name for field in structs.fields(ModelRequest)}
    assert names == {*FIELDS, "model", "native"}, "a new field: say here how it changes"
    keys = {key()}
    for name, values in FIELDS.items():
        for value in values:
            found = key(structs.replace(FULL, **{name: value}))
            if name in NOT_KEPT:
                assert found is None
            else:
                assert found is not None
                assert found not in keys, (name, value)
                keys.add(found)


def other(value: Any) -> list[Any]:
    """Other values of the same kind, and its absence."""
    match value:
        case str():
            return [value + " ", value[:-1], value.swapcase(), None]
        case bool():
            return [not value]
        case _:
            raise AssertionError(f"say here how {value!r} may differ")


PARTS: dict[type[Struct], Part] = {
    type(part): part
    for part in (
        Text("Grüße"),
        Image("image/png", "aGVsbG8=", "http://example.org/a.png", "high"),
        Audio("audio/wav", "aGVsbG8="),
        Document("a.pdf", "application/pdf", "aGVsbG8="),
        Reasoning("Hm.", "sig", "opaque"),
        ToolUse("id", "name", "{}"),
        ToolResult("id", (Text("4"),)),
    )
}


@pytest.mark.parametrize("kind", Part.__args__, ids=lambda kind: kind.__name__)
def test_every_field_of_a_part_changes_the_key(kind: type[Struct]) -> None:
    def of(part: Part) -> str | None:
        return key(ModelRequest("", (Message("user", (part,)),), temperature=0.0))

    part = PARTS[kind]
    if kind in (ToolUse, ToolResult):
        assert of(part) is None
        return
    keys = {of(part)}
    for field in structs.fields(kind):
        for value in other(getattr(part, field.name)):
            if value is None and field.required:
                continue
            found = of(structs.replace(part, **{field.name: value}))
            assert found is not None
            assert found not in keys, (field.name, value)
            keys.add(found)


def test_where_text_begins_and_ends_matters() -> None:
    def of(*turns: Message) -> str | None:
        return key(ModelRequest("", turns, temperature=0.0))

    same_words = [
        of(message("user", "ab")),
        of(Message("user", (Text("a"), Text("b")))),
        of(Message("user", (Text("ab"), Text("")))),
        of(message("user", "a"), message("user", "b")),
        of(message("system", "a"), message("user", "b")),
        of(message("user", "a"), message("system", "b")),
        of(message("assistant", "ab")),
        of(Message("user", (Reasoning("ab"),))),
        of(message("user", "AB")),
        of(message("user", "ab ")),
        of(message("user", "a\u0301b")),
        of(message("user", "\u00e1b")),
        of(message("user", "a\u200bb")),
        of(message("user", "\uff41b")),
    ]
    assert None not in same_words
    assert len(set(same_words)) == len(same_words)


def test_every_field_of_a_request_in_its_callers_words_changes_the_key() -> None:
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": "?"}],
        "temperature": 0.1,
        "seed": 1,
        "user": "a",
    }

    def of(**more: Any) -> str | None:
        given = body | more
        return key(read_chat(encode({name: one for name, one in given.items() if one is not None})).request)

    assert None not in (of(), of(stream=True))
    assert of() == of(stream=True, stream_options={"include_usage": True}) == of(model="lab/m")
    others = [
        of(seed=2),
        of(user=None),
        of(top_p=1),
        of(messages=[{"role": "user", "content": "? "}]),
        of(n=2),
        of(max_tokens=5),
    ]
    assert len({of(), *others}) == len(others) + 1
    assert None not in others
    for never in (
        {"tools": [{}]},
        {"store": True},
        {"logprobs": True},
        {"temperature": None},
        {"service_tier": "flex"},
    ):
        assert of(**never) is None


def test_the_order_of_a_schemas_fields_changes_what_is_written() -> None:
    turned = SCHEMA | {"properties": dict(reversed(SCHEMA["properties"].items()))}  # type: ignore[attr-defined]
    assert key(structs.replace(FULL, format=JsonFormat(turned))) != key()


def test_who_asks_whom_where() -> None:
    models = [
        key(),
        key(tenant="other"),
        key(tenant="local:llm:lab"),
        key(at=target("beta")),
        key(at=target("alpha:8b")),
        key(at=target(name="lab2")),
        key(at=target("b:c", name="a")),
        key(at=target("c", name="a:b")),
        key(at=target(base_url="http://127.0.0.1:2/v1")),
    ]
    assert None not in models
    assert len(set(models)) == len(models)


def test_what_an_alias_sets_is_what_is_sent() -> None:
    plain = ModelRequest("", TALK, temperature=0.2, max_tokens=50)
    bare = ModelRequest("", TALK)
    assert key(bare) is None
    assert key(bare, target(temperature=0.2, max_tokens=50)) == key(plain)
    assert key(plain, target(temperature=0.9, max_tokens=9)) == key(plain)
    assert key(bare, target(temperature=0.9)) is None


def test_its_parts_can_be_read() -> None:
    for provider, model, tenant in (
        ("lab", "alpha", "local"),
        ("a%3A", "llm:x:8b", "org:llm:1"),
        ("x", "a/b:c", "%"),
    ):
        found = key(at=target(model, name=provider), tenant=tenant)
        assert found is not None
        name = parse(found)
        assert (name.tenant, name.provider, name.model) == (tenant, provider, model)
        assert name.key.startswith("llm:")
        assert name.key.endswith(":0.3")


@pytest.mark.parametrize(
    "refused",
    [
        call(temperature=None),
        call(temperature=0.71),
        call(surface="consensus"),
        call(cache=False),
        call(text="half a character: \ud83d"),
    ],
)
def test_what_may_not_be_kept_has_no_key(refused: Call) -> None:
    assert key_of(refused, TARGET, CacheSettings()) is None


def test_settings_say_what_is_kept() -> None:
    assert key() is not None
    assert key(settings=CacheSettings(backend="off")) is None
    assert key(settings=CacheSettings(skip_providers=("lab",))) is None
    assert key(settings=CacheSettings(max_temperature=0.2)) is None
    assert key(structs.replace(FULL, temperature=1.5), settings=CacheSettings(max_temperature=2)) is not None
    for kind in ("builtin", "sim"):
        assert key(at=target(kind=kind)) is None
