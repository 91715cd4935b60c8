"""Requests in their callers' own words: how much of them is looked at, and how deep they may nest."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from quorum_mcp import codec
from quorum_mcp.api.anthropic.native import read_message
from quorum_mcp.api.openai.native import read_chat
from quorum_mcp.errors import Malformed
from quorum_mcp.messages import ModelRequest

Reader = Callable[..., ModelRequest]
LOT = "[{" * 200
"""Text that would be too deep if it were no text."""


def chat(content: Any, **more: Any) -> ModelRequest:
    return read_chat(
        codec.encode({"model": "m", "messages": [{"role": "user", "content": content}]} | more)
    ).request


def message(content: Any, **more: Any) -> ModelRequest:
    asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": content}]} | more
    return read_message(codec.encode(asked)).request


def nested(depth: int) -> Any:
    """Lists and objects in each other."""
    value: Any = []
    for level in range(depth - 1):
        value = [LOT, value, []] if level % 2 else {"a": value, "b": {}}
    return value


@pytest.mark.parametrize("size", [0, codec.LAID_OUT])
def test_depth_is_counted_outside_of_strings(size: int) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(5 if size else 200):
        deepest = chance.randint(codec.MAX_DEPTH - 3, codec.MAX_DEPTH + 3)
        others = [nested(chance.randint(1, deepest - 1)) for _ in range(chance.randint(0, 2))]
        data = codec.encode(["x" * size, *others, '"\\"[[{', nested(deepest - 1), *others])
        if deepest > codec.MAX_DEPTH:
            with pytest.raises(codec.JSONError, match="deeper"):
                codec.check_depth(data)
        else:
            codec.check_depth(data)


@pytest.mark.parametrize("read", [chat, message])
def test_whatever_may_nest_is_no_deeper_than_elsewhere(read: Reader) -> None:
    deep = nested(codec.MAX_DEPTH + 1)
    assert read(LOT).native is not None
    for content, more in (
        ([{"type": "text", "text": "x", "y": deep}], {}),
        ("x", {"metadata": deep}),
        ("x", {"tools": [{"name": "t", "input_schema": deep}]}),
        ("x", {"anything": deep}),
    ):
        with pytest.raises(Malformed, match="deeper"):
            read(content, **more)


@pytest.mark.parametrize("read", [chat, message])
@pytest.mark.parametrize("more", [{}, {"metadata": {"a": "\xff"}}])
def test_what_is_not_looked_at_is_text_all_the_same(read: Reader, more: dict[str, Any]) -> None:
    assert read("é", **more).native is not None
    reader = read_chat if read is chat else read_message
    body = codec.encode(
        {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], "user": "?"}
    )
    for place in (body.replace(b'"?"', b'["\xff"]'), body.replace(b'"x"', b'"\xff"')):
        with pytest.raises(Malformed, match="UTF-8"):
            reader(place)


def media(request: ModelRequest) -> int:
    assert request.native is not None
    return request.native.media


def test_what_costs_more_than_its_text_is_counted() -> None:
    text, image = (
        {"type": "text", "text": "x"},
        {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
    )
    assert media(chat('"image_url": "input_audio"')) == 0
    assert media(chat([text, {"type": "refusal", "refusal": "no"}])) == 0
    assert media(chat([text, image, image, {"type": "file", "file": {}}, {"type": "what comes next"}])) == 4
    block: dict[str, Any] = {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}}
    kept = {"cache_control": {"type": "ephemeral"}}
    assert media(message('"image" "cache_control"', system="x")) == 0
    assert media(message([text | kept, block, {"type": "document"}])) == 3
    assert media(message("x", system=[text, text | kept], tools=[{"name": "t"} | kept])) == 2
    result = {"type": "tool_result", "tool_use_id": "t", "content": [text, block]}
    assert media(message([result, result | {"content": '"image"'}])) == 1
