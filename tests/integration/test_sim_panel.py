"""The simulated panel in its parts of a deliberation: the prompts are those that panels really get."""

import json
import re

import jsonschema
import pytest
from tests.integration.simulated import QUICK, SEATED, WIRES, asked, sim, speaking

from quorum_mcp.consensus import prompts
from quorum_mcp.errors import ProviderRefused
from quorum_mcp.messages import JsonFormat, ModelRequest, message
from quorum_mcp.providers.sim.models import PERSONALITIES
from quorum_mcp.providers.sim.provider import sim_provider

pytestmark = pytest.mark.anyio
QUESTION = "What is 17% of 2,340?"
RIGHT, WRONG = "17% of 2340 = 397.8\nCONCLUSION: 397.8", "17% of 2340 = 398.8\nCONCLUSION: 398.8"


async def say(prompt: str, model: str = "atlas?wrong=0", *, seated: bool = True) -> str:
    async with sim() as (server, transport):
        messages = (SEATED, message("user", prompt)) if seated else (message("user", prompt),)
        provider = sim_provider(server.url, transport)
        return (await provider.complete(ModelRequest(model, messages), QUICK)).text


async def test_a_critic_stands_or_quotes_the_error() -> None:
    answers = [("A", RIGHT), ("B", WRONG)]
    stands = await say(prompts.critique(QUESTION, answers, "A"))
    assert stands.endswith("CONCLUSION: 397.8")
    assert "ERROR" not in stands
    changes = await say(prompts.critique(QUESTION, answers, "B"))
    assert 'ERROR: "17% of 2340 = 398.8" - ' in changes
    assert changes.endswith("CONCLUSION: 397.8")


async def test_an_attack_and_its_defence() -> None:
    assert "NO OBJECTION" in await say(prompts.attack(QUESTION, RIGHT), seated=False)
    assert "OBJECTION 1: " in await say(prompts.attack(QUESTION, WRONG), seated=False)
    conceded = await say(prompts.defence(QUESTION, WRONG, ["398.8 is wrong"]))
    assert "1: CONCEDED - " in conceded
    assert conceded.endswith("CONCLUSION: 397.8")
    assert "1: REJECTED - " in await say(prompts.defence(QUESTION, RIGHT, ["it is too high"]))
    open_attack = await say(prompts.attack("How should we plan the migration?", "Just start."), seated=False)
    assert len(re.findall(r"^OBJECTION \d: .+$", open_attack, re.MULTILINE)) == 2


async def test_a_judge_groups_what_the_texts_show_and_quotes_them() -> None:
    question = "How should we plan the migration of the warehouse database?"
    async with sim() as (server, transport):
        provider = sim_provider(server.url, transport)
        seats = [(await provider.complete(asked(name, question), QUICK)).text for name in PERSONALITIES]
    answers = list(zip("ABCDE", seats, strict=True))
    found = json.loads(await say(prompts.grouping(question, answers), seated=False))
    members = [label for position in found["positions"] for label in position["members"]]
    assert sorted(members) == list("ABCDE")
    assert 1 < len(found["positions"]) < 5
    assert {point["status"] for point in found["points"]} >= {"disputed", "single"}
    texts = dict(answers)
    quotes = [quote for point in found["points"] for quote in point["quotes"]]
    assert len(quotes) >= len(found["points"]) > 3
    assert all(quote["quote"] in texts[quote["member"]] for quote in quotes)

    summaries = [position["summary"] for position in found["positions"]]
    placed = json.loads(await say(prompts.placing(question, summaries, texts["A"]), seated=False))
    assert "A" in found["positions"][placed["position"] - 1]["members"]
    assert placed["quote"] in texts["A"]
    prose = await say(prompts.synthesis(question, answers, None, ["agreed: x"]), seated=False)
    assert "different positions" in prose


async def test_a_judge_tells_equal_conclusions() -> None:
    for first, second, same in (("42", "42", True), ("42", "43", False), ("a cat", "felines", None)):
        assert json.loads(await say(prompts.equivalence("?", first, second), seated=False)) == {"same": same}


async def test_a_writer_keeps_the_decided_conclusion() -> None:
    text = await say(prompts.synthesis(QUESTION, [("A", WRONG), ("B", WRONG)], "398.8", []), seated=False)
    assert text.endswith("CONCLUSION: 398.8")


SCHEMA = {
    "type": "object",
    "properties": {
        "answer": {"type": "string", "maxLength": 200},
        "value": {"type": "number"},
        "grade": {"enum": ["low", "high"]},
        "sure": {"type": "boolean"},
        "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}, "minItems": 2},
        "source": {"anyOf": [{"type": "null"}, {"type": "string"}]},
        "count": {"type": ["integer", "null"], "minimum": 3, "maximum": 5},
    },
    "required": ["answer", "value", "grade", "sure", "steps", "source", "count"],
    "additionalProperties": False,
    "$defs": {"step": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}},
}


@pytest.mark.parametrize("wire", WIRES)
async def test_structured_answers_fit_their_schema(wire: str) -> None:
    async with sim() as (server, transport):
        request = asked("atlas", QUESTION, format=JsonFormat(SCHEMA), max_tokens=999)
        value = json.loads((await speaking(wire, server, transport).complete(request, QUICK)).text)
        jsonschema.validate(value, SCHEMA)
        assert value["value"] == 397.8
        endless = {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}
        with pytest.raises(ProviderRefused):
            request = asked("atlas", QUESTION, format=JsonFormat(endless), max_tokens=999)
            await speaking(wire, server, transport).complete(request, QUICK)


async def test_open_questions_get_open_answers_and_choices_short_ones() -> None:
    async with sim() as (server, transport):
        provider = sim_provider(server.url, transport)
        options = "Which one floats?\nA) lead\nB) cork\nC) iron"
        picks = set()
        known = await provider.complete(asked("delta", "What is the capital of France?"), QUICK)
        assert "a script has no knowledge" in known.text
        assert "CONCLUSION:" not in known.text
        for name in PERSONALITIES:
            text = (await provider.complete(asked(name, "How should we plan the migration?"), QUICK)).text
            assert "My position: " in text
            assert "CONCLUSION:" not in text
            picked = (await provider.complete(asked(name, options), QUICK)).text
            picks.add(picked.rpartition("CONCLUSION: ")[2])
            either = (await provider.complete(asked(name, "Should we use tabs or spaces?"), QUICK)).text
            assert either.rpartition("CONCLUSION: ")[2] in ("tabs", "spaces")
        assert picks <= {"A", "B", "C"}
