"""Requests that differ from each other in next to nothing, with exact repeats among them."""

import random
import unicodedata
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import structs
from tests.support.caching import call, target

from quorum_mcp.calls.call import Call
from quorum_mcp.messages import (
    Extra,
    Image,
    JsonFormat,
    Message,
    ModelRequest,
    Reasoning,
    Text,
    Tool,
    ToolChoice,
    message,
)
from quorum_mcp.providers.registry import Target

BASE = (
    message("system", "Answer in one word. Keep the format."),
    message("user", "Où est né Ångström, et quand? 17% of 2,340 — the naïve file ﬁrst."),
    message("assistant", "Lögdö."),
    message("user", "And what is 2 + 2?"),
)
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
    "required": ["a"],
}


def near_duplicates(count: int) -> Iterator[tuple[Call, Target]]:
    """Calls and the models they name; the seed is printed."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    past: list[tuple[Call, Target]] = []
    for _ in range(count):
        if past and chance.random() < 0.15:
            given, at = chance.choice(past)
            yield call(request=given.request, tenant=given.tenant), at
            continue
        request = ModelRequest("", BASE, temperature=0.2, max_tokens=100)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            request = _changed(request, chance)
        tenant = chance.choice(("local",) * 6 + ("a", "b", "a:llm:lab"))
        at = chance.choice(
            (target(),) * 6 + (target("alpha2"), target(name="lab2"), target(base_url="http://h/v1"))
        )
        past.append((call(request=request, tenant=tenant), at))
        yield past[-1]


def said(given: Call, at: Target) -> str:
    """The one right answer to a request: everything about it, written out."""
    address = at.provider.base_url  # type: ignore[attr-defined] - of the support's own kind
    whole = (given.tenant, at.provider.name, address, at.model, given.request)
    return msgspec.json.encode(whole).decode()


def _changed(request: ModelRequest, chance: random.Random) -> ModelRequest:
    turns = list(request.messages)
    at = chance.randrange(len(turns))
    turn = turns[at]
    match chance.randrange(9):
        case 0 | 1 | 2:
            turns[at] = message(turn.role, _text(turn.text, chance))
        case 3:
            turns[at] = Message(chance.choice(("user", "assistant", "system")), turn.parts)
        case 4:
            other = chance.randrange(len(turns))
            turns[at], turns[other] = turns[other], turns[at]
        case 5:
            cut = chance.randrange(len(turn.text) + 1)
            turns[at] = Message(turn.role, (Text(turn.text[:cut]), Text(turn.text[cut:])))
        case 6:
            extra = (
                Image("image/png", chance.choice(("QQ==", "QUE=", "QUI="))),
                Image(url="http://h/a"),
                Reasoning("Hm."),
            )
            turns[at] = Message(turn.role, (*turn.parts, chance.choice(extra)))
        case 7:
            turns = turns[:at] + turns[at + 1 :] or turns
        case _:
            return structs.replace(request, **_option(chance))
    return structs.replace(request, messages=tuple(turns))


def _text(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    match chance.randrange(7):
        case 0:
            return text[:at] + chance.choice("abcxyz0189 .,!?é") + text[at + 1 :]
        case 1:
            return text[:at] + chance.choice((" ", "\n", "\t", "\u00a0", "\u200b", "\r\n")) + text[at:]
        case 2:
            return text[:at] + text[at + 1 :]
        case 3:
            return text[:at] + text[at : at + 1].swapcase() + text[at + 1 :]
        case 4:
            return unicodedata.normalize(chance.choice(("NFC", "NFD", "NFKC", "NFKD")), text)
        case 5:
            return text.strip() if chance.random() < 0.5 else f" {text}"
        case _:
            return text[:at] + text[at : at + 2][::-1] + text[at + 2 :]


def _option(chance: random.Random) -> dict[str, Any]:
    turned = SCHEMA | {"properties": {"b": {"type": "string"}, "a": {"type": "integer"}}}
    return chance.choice(
        (
            {"temperature": chance.choice((0.0, 0.1, 0.20000000000000001, 0.21, 0.7))},
            {"max_tokens": chance.choice((99, 101, 1, None))},
            {"top_p": chance.choice((0.9, 0.95, 1.0))},
            {"stop": chance.choice((("END",), ("end",), ("END", "STOP"), ("END STOP",)))},
            {"seed": chance.choice((0, 1, 2))},
            {"reasoning_effort": chance.choice(("none", "low", "high"))},
            {"tools": (Tool("look", "Look it up.", SCHEMA),), "tool_choice": ToolChoice("none")},
            {
                "tool_choice": chance.choice(
                    (ToolChoice("none"), ToolChoice("required"), ToolChoice("named", "look"))
                )
            },
            {"extra": Extra("openai", {"logit_bias": {"1": chance.choice((-1, 1))}})},
            {"parallel_tools": chance.choice((True, False))},
            {
                "format": chance.choice(
                    (JsonFormat(), JsonFormat(SCHEMA), JsonFormat(turned), JsonFormat(SCHEMA, "x"))
                )
            },
        )
    )
