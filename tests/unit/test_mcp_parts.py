"""Parts of the MCP surface that need no server: schemas, hints, and deltas that are joined."""

import random
import subprocess
import sys

import pytest
from pydantic import BaseModel, Field

from quorum_mcp.api.mcp.progress import describe, joined
from quorum_mcp.api.mcp.schemas import input_schema, output_schema
from quorum_mcp.api.mcp.tools import hints
from quorum_mcp.events import Event, EventType
from quorum_mcp.operations.card import Effect, Empty


class Inner(BaseModel):
    """An inner thing."""

    title: str = Field(description="A name.")


class Outer(BaseModel):
    """The outer thing."""

    title: str
    one: Inner
    many: list[Inner] = []
    properties: int = 0


def event(kind: EventType, **data: object) -> Event:
    return Event("ses_1", 1, "2026-01-01T00:00:00.000Z", kind, dict(data))


def test_titles_go_and_fields_named_so_stay() -> None:
    schema = input_schema(Outer)
    inner = {
        "description": "An inner thing.",
        "properties": {"title": {"description": "A name.", "type": "string"}},
        "required": ["title"],
        "type": "object",
    }
    assert schema == {
        "properties": {
            "title": {"type": "string"},
            "one": inner,
            "many": {"default": [], "items": inner, "type": "array"},
            "properties": {"default": 0, "type": "integer"},
        },
        "required": ["title", "one"],
        "type": "object",
    }


def test_results_keep_their_definitions() -> None:
    schema = output_schema(Outer)
    assert schema["properties"]["one"] == {"$ref": "#/$defs/Inner"}
    assert schema["$defs"]["Inner"]["properties"].keys() == {"title"}


def test_no_input_is_an_object_too() -> None:
    assert input_schema(Empty) == {"properties": {}, "type": "object"}


@pytest.mark.parametrize("effect", list(Effect))
def test_every_effect_has_its_hints(effect: Effect) -> None:
    found = hints(effect, open_world=True).model_dump(exclude_none=True)
    if effect is Effect.READ:
        assert found == {"read_only_hint": True, "open_world_hint": True}
    else:
        assert found == {
            "read_only_hint": False,
            "destructive_hint": effect is Effect.DESTROY,
            "idempotent_hint": False,
            "open_world_hint": True,
        }


def test_joined_deltas_add_up_to_the_same_text() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(200):
        text, shown, waiting = "", "", None
        for _ in range(chance.randrange(1, 12)):
            if chance.random() < 0.15:
                text = ""  # the call began anew
            more = "ab" * chance.randrange(1, 4)
            waiting = joined(waiting, event("call.delta", key="k", offset=len(text), text=more))
            text += more
            if chance.random() < 0.3:
                shown, waiting = applied(shown, waiting), None
        if waiting is not None:
            shown = applied(shown, waiting)
        assert shown == text


def applied(text: str, delta: Event) -> str:
    """What a client does with a delta."""
    return text[: delta.data["offset"]] + delta.data["text"]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (event("run.started", seats=[{"member": "a"}, {"member": "b"}]), "asking a, b"),
        (event("round.started", round=2, role="critique"), "round 2: critique"),
        (event("call.started", member="a"), "a is asked"),
        (event("call.delta", member="a", offset=10, text="four"), "a writes: 14 characters"),
        (event("call.finished", member="a", conclusion={"text": "4"}), "a answered: 4"),
        (event("call.finished", member="a", conclusion=None), "a answered"),
        (event("call.failed", member="a", error={"message": "no"}), "a failed: no"),
        (event("agreement.measured", agreement="agree"), "agreement: agree"),
        (event("run.finished"), "run finished"),
    ],
)
def test_events_in_words(told: Event, words: str) -> None:
    assert describe(told) == words


def test_a_server_that_nobody_asks_over_mcp_does_not_load_the_protocol() -> None:
    code = "import sys, quorum_mcp.app, quorum_mcp.api.server; sys.exit('mcp' in sys.modules or 'mcp_types' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
