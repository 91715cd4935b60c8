"""Full deliberation and devil's advocate: who is asked what after round 1, and what of it counts."""

import random
from pathlib import Path
from typing import Any

import pytest
from tests.support.open_question import QUESTION, REVIEWS, honest, quoted_answers
from tests.support.rest import Rest
from tests.support.script import Asked, Say
from tests.support.server import scripted

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
FOUR = "Two and two is four.\nCONCLUSION: 4"
FIVE = "Counting on fingers, I reach five.\nCONCLUSION: 5"
CITES = 'ERROR: "I reach five" - a finger was counted twice\nCONCLUSION: 4'
FULL, DEVIL = "full_deliberation", "devils_advocate"


async def full(q: Rest, panel: list[str], **body: Any) -> dict[str, Any]:
    return await q.ask("What is 2 + 2?", panel, mode=FULL, **body)


async def test_full_mode_asks_all_and_criticises_only_a_disagreement(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        for name in "abc":
            up.model(name, Say(FOUR, latency=0.1))
        answer = await full(q, ["lab/a", "lab/b", "lab/c"])
        assert len(up.asked) == 3
        assert max(a.at for a in up.asked) < min(a.ended or 0 for a in up.asked)
    assert (answer["rounds"], answer["calls"], answer["confidence"]) == (1, 3, 1.0)


async def test_reviewers_see_all_answers_without_names_their_own_never_first(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    names = [f"zebra-{seed}-{index}" for index in range(6)]
    said = {name: f"Thought number {index}.\nCONCLUSION: {index}" for index, name in enumerate(names)}
    async with scripted(tmp_path) as (up, q):
        for name in names:
            up.model(name, said[name], critique="I stand by it.\nCONCLUSION: " + said[name][-1])
        answer = await q.ask(f"Pick a number ({seed}).", [f"lab/{name}" for name in names], mode=FULL)
        orders = set[tuple[str, ...]]()
        for asked in up.of(kind="critique"):
            assert "zebra" not in asked.everything
            assert "lab" not in asked.everything.split()
            shown = quoted_answers(asked.prompt)
            assert sorted(shown.values()) == sorted(said.values())
            assert next(iter(shown.values())) != said[asked.model]
            own = next(label for label, text in shown.items() if text == said[asked.model])
            assert f"Answer {own} is your own" in asked.prompt
            orders.add(tuple(shown.values()))
        assert up.count(kind="critique") == 6
        assert len(orders) >= 4
    assert (answer["rounds"], answer["calls"]) == (2, 12)
    assert answer["confidence"] == pytest.approx(1 / 6, abs=1e-4)


@pytest.mark.parametrize(
    ("review", "won"),
    [
        ("The others convinced me.\nCONCLUSION: 4", "5"),
        ('ERROR: "I reach six" - never said that\nCONCLUSION: 4', "5"),
        ('ERROR: "Two and two is four" - words of another answer\nCONCLUSION: 4', "5"),
        ('ERROR: "I reach five"\nCONCLUSION: 4', "5"),
        ('ERROR: "" - nothing\nCONCLUSION: 4', "5"),
        (CITES, "4"),
        ("**ERROR:** “I   reach\tfive” – counted twice\n\n**CONCLUSION:** 4.0", "4"),
    ],
)
async def test_a_change_counts_only_with_an_error_that_is_there(
    tmp_path: Path, review: str, won: str
) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", FOUR, critique="I stand by it.\nCONCLUSION: 4")
        up.model("b", FIVE, critique=review)
        up.model("c", FIVE.replace("fingers", "toes"), critique="I stand by it.\nCONCLUSION: 5")
        answer = await full(q, ["lab/a", "lab/b", "lab/c"])
    assert answer["conclusion"] == won
    # Frozen at round 1: one seat of three said 4 then, two said 5.
    assert answer["confidence"] == (0.3333 if won == "4" else 0.6667)
    assert (answer["rounds"], answer["calls"]) == (2, 6)
    group = next(g for g in answer["groups"] if g["conclusion"].startswith("4"))
    assert ("lab/b" in group["members"]) == (won == "4")


@pytest.mark.usefixtures("each_engine")
async def test_seats_that_come_to_agree_end_the_rounds(tmp_path: Path) -> None:
    async with scripted(tmp_path, consensus={"critique_rounds": 2}) as (up, q):
        up.model("a", FOUR, critique="I stand by it.\nCONCLUSION: 4")
        up.model("b", FIVE, critique=CITES)
        agreed = await full(q, ["lab/a", "lab/b"])
        assert (agreed["agreement"], agreed["rounds"], agreed["confidence"]) == ("agree", 2, 0.5)
        up.model("b", FIVE, critique="I stand by it.\nCONCLUSION: 5")
        split = await full(q, ["lab/a", "lab/b"])
        assert (split["agreement"], split["rounds"], split["confidence"]) == ("disagree", 3, 0.5)
        assert split["calls"] == 6
        session = await q.session_of(split["session_id"])
    rounds = [(r["round"], r["role"], len(r["responses"])) for r in session["round_details"]]
    assert rounds == [(1, "answer", 2), (2, "critique", 2), (3, "critique", 2)]


async def test_no_critique_where_it_is_switched_off(tmp_path: Path) -> None:
    async with scripted(tmp_path, consensus={"critique_rounds": 0}) as (up, q):
        up.model("a", FOUR)
        up.model("b", FIVE)
        answer = await full(q, ["lab/a", "lab/b"])
        assert up.count(kind="critique") == 0
    assert (answer["agreement"], answer["rounds"]) == ("disagree", 1)


async def test_a_seat_that_fails_its_review_keeps_its_answer(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", FOUR, critique=Say(fail="error"))
        up.model("b", FIVE, critique=Say(fail="empty"))
        answer = await full(q, ["lab/a", "lab/b"], timeout_seconds=4)
    assert answer["degraded"]
    assert {g["conclusion"]: g["members"] for g in answer["groups"]} == {"4": ["lab/a"], "5": ["lab/b"]}


@pytest.mark.usefixtures("each_engine")
async def test_an_open_question_is_criticised_and_judged_anew_where_an_error_is_shown(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        for name, text in REVIEWS.items():
            up.model(name, text, critique="I stand by it.")
        up.model(
            "c", REVIEWS["c"],
            critique='ERROR: "Stay with the JSON file" - it loses orders\nUse a relational database after all.',
        )  # fmt: skip
        up.model("judge", grouping=honest, synthesis="A database.")
        answer = await q.ask(QUESTION, [f"lab/{n}" for n in REVIEWS], mode=FULL, synthesizer="lab/judge")
        assert up.count("judge", "grouping") == 2
        assert up.count(kind="critique") == 3
    assert answer["agreement"] == "agree"
    assert answer["confidence"] == 0.6667
    assert answer["rounds"] == 2


ATTACK = "OBJECTION 1: It forgets carrying.\nOBJECTION 2: Two is a big number."


def defends(*verdicts: str, then: str = "CONCLUSION: 4") -> str:
    listed = [f"{number}: {verdict} - because" for number, verdict in enumerate(verdicts, 1)]
    return "\n".join([*listed, then])


async def test_an_attack_that_does_not_survive(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", FOUR, defence=defends("REJECTED", "REJECTED"))
        up.model("b", FOUR, defence=defends("CONCEDED", "REJECTED"))
        up.model("c", FIVE, attack=ATTACK)
        answer = await q.ask("What is 2 + 2?", ["lab/a", "lab/b", "lab/c"], mode=DEVIL)
        attack, defences = up.of(kind="attack"), up.of(kind="defence")
        assert [a.model for a in attack] == ["c"]
        assert quoted_answers(
            attack[0].prompt.replace("ANSWER EMERGING", "ANSWER X").replace("END EMERGING", "END X")
        )
        assert FOUR in attack[0].prompt
        assert sorted(a.model for a in defences) == ["a", "b"]
        assert all("It forgets carrying." in a.prompt and FOUR in a.prompt for a in defences)
        assert all("lab/" not in a.everything for a in up.asked)
    found = answer["attack"]
    assert (found["advocate"], found["survived"]) == ("lab/c", True)
    assert [(o["text"], o["stands"]) for o in found["objections"]] == [
        ("It forgets carrying.", False),
        ("Two is a big number.", False),
    ]
    assert found["objections"][0]["conceded_by"] == ["lab/b"]
    assert found["objections"][0]["rejected_by"] == ["lab/a"]
    assert (answer["conclusion"], answer["rounds"], answer["calls"]) == ("4", 3, 6)


@pytest.mark.usefixtures("each_engine")
async def test_an_attack_that_stands_changes_the_answer_of_those_who_cite_the_error(tmp_path: Path) -> None:
    cites = 'ERROR: "I reach five" - a finger was counted twice\nCONCLUSION: 4'
    async with scripted(tmp_path) as (up, q):
        up.model("a", FIVE, defence=defends("CONCEDED", "REJECTED", then=cites))
        up.model("b", FIVE, defence=defends("CONCEDED", "REJECTED", then="CONCLUSION: 4"))
        up.model("c", FOUR, attack=ATTACK)
        answer = await q.ask("What is 2 + 2?", ["lab/a", "lab/b", "lab/c"], mode=DEVIL)
    assert not answer["attack"]["survived"]
    assert [o["stands"] for o in answer["attack"]["objections"]] == [True, False]
    assert (answer["conclusion"], answer["confidence"]) == ("4", 0.3333)
    assert sorted(answer["groups"][0]["members"]) == ["lab/a", "lab/c"]


async def test_no_objection(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        for name in "abc":
            up.model(name, FOUR, attack="I looked hard.\nNO OBJECTION")
        answer = await q.ask("What is 2 + 2?", ["lab/a", "lab/b", "lab/c"], mode=DEVIL)
        assert [a.model for a in up.of(kind="attack")] == ["c"]
        assert up.count(kind="defence") == 0
    assert answer["attack"] == {"advocate": "lab/c", "objections": [], "survived": True}
    assert (answer["rounds"], answer["calls"], answer["confidence"]) == (2, 4, 1.0)


async def test_nobody_to_attack(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", FOUR)
        answer = await q.ask("What is 2 + 2?", ["lab/a"], mode=DEVIL)
    assert answer["attack"] is None
    assert answer["degraded"]
    assert answer["conclusion"] == "4"
    assert answer["rounds"] == 1


def keeps(asked: Asked) -> str:
    """A writer that keeps whatever the panel decided."""
    return (
        "In short: "
        + asked.prompt.partition("The panel decided: ")[2].partition("\n")[0]
        + ", clearly.\nCONCLUSION: 4"
    )


async def test_a_writer_cannot_change_the_conclusion(tmp_path: Path) -> None:
    async with scripted(tmp_path, consensus={"fallback": ["lab/second"]}) as (up, q):
        up.model("a", FOUR)
        up.model("b", FOUR)
        up.model("writer", synthesis="In truth it is five.\nCONCLUSION: 5")
        up.model("second", synthesis=keeps)
        answer = await q.ask("What is 2 + 2?", ["lab/a", "lab/b"], synthesizer="lab/writer")
        assert [a.model for a in up.of(kind="synthesis")] == ["writer", "second"]
        assert "lab/" not in up.of(kind="synthesis")[0].prompt
    assert answer["consensus"] == "In short: 4, clearly."
    assert (answer["conclusion"], answer["confidence"], answer["degraded"]) == ("4", 1.0, True)
    assert any("lab/writer" in warning for warning in answer["warnings"])
    assert answer["calls"] == 4


async def test_where_no_writer_keeps_it_the_winners_own_text_stands(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", FOUR, synthesis="It is five.\nCONCLUSION: 5")
        up.model("b", FOUR, synthesis="Let me not say.")
        up.model("writer", synthesis="CONCLUSION: five hundred")
        answer = await q.ask("What is 2 + 2?", ["lab/a", "lab/b"], synthesizer="lab/writer")
        assert [a.model for a in up.of(kind="synthesis")] == ["writer", "a", "b"]
    assert (answer["consensus"], answer["conclusion"]) == (FOUR, "4")
    assert answer["degraded"]


async def test_short_conclusions_need_no_writer(tmp_path: Path) -> None:
    async with scripted(tmp_path, consensus={"synthesizer": "lab/writer"}) as (up, q):
        up.model("a", FOUR)
        up.model("b", FOUR)
        up.model("writer", synthesis=keeps)
        assert (await q.ask("What is 2 + 2?", ["lab/a", "lab/b"]))["consensus"] == FOUR
        assert up.count("writer") == 0


RED, MARS = "It is the red one.\nCONCLUSION: the red planet", "That is Mars.\nCONCLUSION: Mars"


@pytest.mark.parametrize(
    ("verdict", "agreement", "confidence"),
    [
        ('{"same": true}', "agree", 1.0),
        ('{"same": false}', "disagree", 0.5),
        ('{"same": null}', "disagree", 0.5),
    ],
)
async def test_a_configured_judge_settles_phrases(
    tmp_path: Path, verdict: str, agreement: str, confidence: float
) -> None:
    async with scripted(tmp_path, consensus={"judge": "lab/judge"}) as (up, q):
        up.model("a", RED)
        up.model("b", MARS)
        up.model("judge", equivalence=verdict)
        answer = await q.ask("Which planet?", ["lab/a", "lab/b"])
        assert [a.kind for a in up.of("judge")] == ["equivalence"]
        assert quoted_answers(up.of("judge")[0].prompt) == {"A": "the red planet", "B": "Mars"}
    assert (answer["agreement"], answer["confidence"]) == (agreement, confidence)


async def test_values_are_not_settled_and_without_a_judge_nothing_is(tmp_path: Path) -> None:
    async with scripted(tmp_path / "judge", consensus={"judge": "lab/judge"}) as (up, q):
        up.model("a", FOUR)
        up.model("b", FIVE)
        up.model("judge", equivalence='{"same": true}')
        answer = await q.ask("What is 2 + 2?", ["lab/a", "lab/b"])
        assert up.count("judge") == 0
        assert answer["agreement"] == "disagree"
    async with scripted(tmp_path / "none") as (up, q):
        up.model("a", RED, equivalence='{"same": true}')
        up.model("b", MARS, equivalence='{"same": true}')
        answer = await q.ask("Which planet?", ["lab/a", "lab/b"])
        assert up.count(kind="equivalence") == 0
        assert answer["agreement"] == "disagree"


async def test_a_settling_judge_that_fails_leaves_them_apart(tmp_path: Path) -> None:
    async with scripted(tmp_path, consensus={"judge": "lab/judge"}) as (up, q):
        broken = Say(fail="error")
        up.model("a", RED, equivalence=broken)
        up.model("b", MARS, equivalence="I cannot say.")
        up.model("judge", equivalence=Say(fail="garbage"))
        answer = await q.ask("Which planet?", ["lab/a", "lab/b"], timeout_seconds=4)
    assert (answer["agreement"], answer["degraded"], answer["status"]) == ("disagree", True, "completed")
