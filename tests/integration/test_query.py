"""Quick mode through POST /api/query: waves, early stop, conclusions, confidence."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.script import Say
from tests.support.server import scripted, serving
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
FOUR, FIVE = "Two and two is four.\nCONCLUSION: 4", "I count five.\nCONCLUSION: 5"
ABC = ["lab/a", "lab/b", "lab/c"]


def seats(up: Upstream, **said: str | Say) -> list[str]:
    """Script one model a seat, and return them as a panel."""
    for name, text in said.items():
        up.model(name, text)
    return [f"lab/{name}" for name in said]


def statuses(answer: dict[str, Any]) -> dict[str, str]:
    return {r["member"]: r["status"] for r in answer["provider_responses"] if r["role"] == "answer"}


@pytest.mark.usefixtures("each_engine")
async def test_two_that_agree_are_enough(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        answer = await q.ask("What is 2 + 2?", seats(up, a=FOUR, b="Surely **4.0**\nConclusion: 4.0", c=FIVE))
        assert (up.count("a"), up.count("b"), up.count("c")) == (1, 1, 0)
    assert statuses(answer) == {"lab/a": "ok", "lab/b": "ok", "lab/c": "skipped"}
    assert (answer["calls"], answer["rounds"], answer["status"]) == (2, 1, "completed")
    assert (answer["agreement"], answer["confidence"], answer["calibration"]) == (
        "agree",
        1.0,
        "uncalibrated",
    )
    assert answer["conclusion"] in ("4", "4.0")
    assert answer["consensus"] == FOUR
    assert answer["dissent"] == []
    assert answer["groups"] == [
        {"conclusion": answer["conclusion"], "members": ["lab/a", "lab/b"], "share": 1.0}
    ]
    assert not answer["degraded"]
    assert not answer["simulated"]


async def test_a_disagreement_asks_all_others_in_one_further_wave(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        panel = seats(up, a=FOUR, b=FIVE, c=Say(FIVE, latency=0.3), d=Say(FIVE, latency=0.3), e=FOUR)
        answer = await q.ask("What is 2 + 2?", panel)
        asked = {a.model: a for a in up.asked}
        first = max(asked["a"].ended or 0, asked["b"].ended or 0)
        assert all(asked[name].at >= first for name in "cde")
        assert max(asked[name].at for name in "cde") - min(asked[name].at for name in "cde") < 0.2
        assert len(up.asked) == 5
    assert (answer["conclusion"], answer["agreement"], answer["confidence"]) == ("5", "disagree", 0.6)
    assert [g["members"] for g in answer["groups"]] == [["lab/b", "lab/c", "lab/d"], ["lab/a", "lab/e"]]
    assert {d["member"]: d["text"] for d in answer["dissent"]} == {"lab/a": FOUR, "lab/e": FOUR}
    assert (answer["calls"], answer["rounds"]) == (5, 1)


async def test_quick_mode_never_criticises(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        answer = await q.ask("What is 2 + 2?", seats(up, a=FOUR, b=FIVE))
        assert {a.kind for a in up.asked} == {"seat"}
    assert (answer["agreement"], answer["conclusion"], answer["confidence"]) == ("disagree", "4", 0.5)


async def test_a_tie_goes_to_the_seat_that_stands_first(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        seats(up, a=FOUR, b=FIVE)
        assert (await q.ask("2 + 2?", ["lab/a", "lab/b"]))["conclusion"] == "4"
        assert (await q.ask("2 + 2?", ["lab/b", "lab/a"]))["conclusion"] == "5"


async def test_exhaustive_asks_every_seat_at_once(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        panel = seats(up, **{name: Say(FOUR, latency=0.2) for name in "abcd"})
        answer = await q.ask("What is 2 + 2?", panel, exhaustive=True)
        assert max(a.at for a in up.asked) < min(a.ended or 0 for a in up.asked)
    assert answer["calls"] == 4
    assert set(statuses(answer).values()) == {"ok"}


async def test_samples_are_seats_of_their_own(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", [FOUR, FIVE, FIVE])
        answer = await q.ask("What is 2 + 2?", ["lab/a"], samples=3)
        assert up.count("a") == 3
    assert list(statuses(answer)) == ["lab/a#1", "lab/a#2", "lab/a#3"]
    assert (answer["conclusion"], answer["confidence"]) == ("5", 0.6667)


async def test_failed_seats_count_as_asked_and_skipped_ones_do_not(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        panel = seats(up, a=FOUR, b=Say(fail="error"), c=FOUR, d=FOUR)
        answer = await q.ask("What is 2 + 2?", panel)
        assert statuses(answer) == {"lab/a": "ok", "lab/b": "failed", "lab/c": "ok", "lab/d": "ok"}
        assert answer["confidence"] == 0.75
        assert answer["agreement"] == "agree"
        assert answer["degraded"]
        spared = await q.ask("What is 2 + 2, again?", ["lab/a", "lab/c", "lab/d", "lab/b"])
        assert statuses(spared)["lab/b"] == statuses(spared)["lab/d"] == "skipped"
        assert spared["confidence"] == 1.0
        assert not spared["degraded"]


@pytest.mark.parametrize(
    ("wanted", "a", "b", "conclusion"),
    [
        ("number", "So the answer is 12 apples.", "**Answer:** 12.0", "12"),
        ("choice", "The answer is (C).", "I pick option C", "C"),
        ("text", "CONCLUSION: a red kite", "CONCLUSION: Red Kite.", "a red kite"),
    ],
)
async def test_answer_formats(tmp_path: Path, wanted: str, a: str, b: str, conclusion: str) -> None:
    async with scripted(tmp_path) as (up, q):
        question = "Which is it?\nA) one\nB) two\nC) three" if wanted == "choice" else "Which is it?"
        answer = await q.ask(question, seats(up, a=a, b=b, c="CONCLUSION: other"), answer_format=wanted)
        system = up.asked[0].messages[0]
        assert system["role"] == "system"
        assert "CONCLUSION:" in system["content"]
    assert answer["agreement"] == "agree"
    assert answer["conclusion"].casefold().rstrip(".0") == conclusion.casefold()
    assert answer["calls"] == 2


async def test_providers_keep_their_order_and_the_default_panel_is_panels_default(tmp_path: Path) -> None:
    panels = {"default": ["lab/c", "lab/a"], "pair": ["lab/b", "lab/c"]}
    async with scripted(tmp_path, panels=panels) as (up, q):
        seats(up, a=FOUR, b=FOUR, c=FOUR)
        assert list(statuses(await q.ask("2 + 2?"))) == ["lab/c", "lab/a"]
        assert list(statuses(await q.ask("2 + 2?", "pair"))) == ["lab/b", "lab/c"]
        given = await q.ask("2 + 2?", providers=["lab/b", "lab/a", "lab/c"])
        assert list(statuses(given)) == ["lab/b", "lab/a", "lab/c"]
        kept = await q.ask("2 + 2?", ["lab/a", "builtin/arithmetic"], exclude_providers=["builtin"])
        assert list(statuses(kept)) == ["lab/a"]


async def test_what_the_caller_sets_reaches_every_seat(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        panel = seats(up, a=FOUR, b=FIVE, c=FIVE)
        await q.ask("Say it.", panel, temperature=0.3, max_tokens=77, context="The <secret> is 42.")
        for asked in up.asked:
            assert asked.body["temperature"] == 0.3
            assert 77 in (asked.body.get("max_tokens"), asked.body.get("max_completion_tokens"))
            assert "The <secret> is 42." in asked.prompt
            assert asked.prompt.rstrip().endswith("Say it.")


async def test_an_alias_brings_its_own_defaults(tmp_path: Path) -> None:
    short = {"provider": "lab", "model_id": "a", "max_tokens": 55, "temperature": 0.7}
    async with scripted(tmp_path, models={"shorty": short}) as (up, q):
        up.model("a", FOUR)
        answer = await q.ask("2 + 2?", ["shorty"])
        await q.ask("2 + 2?", ["shorty"], max_tokens=66, temperature=0.1)
        caps = [a.body.get("max_tokens") or a.body.get("max_completion_tokens") for a in up.asked]
        assert (caps, [a.body["temperature"] for a in up.asked]) == ([55, 66], [0.7, 0.1])
    assert statuses(answer) == {"lab/a": "ok"}


async def test_tags_are_kept_with_every_call(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        answer = await q.ask("2 + 2?", seats(up, a=FOUR, b=FOUR), tags=["team-x", "räum"])
        session = await q.session_of(answer["session_id"])
        calls = (await q.get("/api/calls"))["calls"]
    assert [record["tags"] for record in session["call_records"]] == [["team-x", "räum"]] * 2
    assert [record["tags"] for record in calls] == [["team-x", "räum"]] * 2


@pytest.mark.usefixtures("each_engine")
async def test_files_and_images_reach_every_seat(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        panel = seats(up, a=FOUR, b=FOUR)
        stored = await q.post("/api/files", {"name": "notes.md", "data": "IyBOb3Rlcw=="})
        assert stored.status == 201
        inline = {"name": "more.txt", "data": "bW9yZQ=="}
        picture = {"name": "p.png", "media_type": "image/png", "data": "iVBORw0KGgo="}
        await q.ask("What is there?", panel, files=[{"id": stored["id"]}, inline], images=[picture])
        for asked in up.asked:
            parts = asked.messages[-1]["content"]
            assert [p["type"] for p in parts] == ["image_url", "text"]
            assert parts[0]["image_url"]["url"] == "data:image/png;base64,iVBORw0KGgo="
            assert "# Notes" in parts[1]["text"]
            assert "more" in parts[1]["text"]


async def test_one_that_answers_alone_is_no_agreement(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        answer = await q.ask("2 + 2?", seats(up, a=FOUR, b=Say(fail="error"), c=Say(fail="empty")))
    assert (answer["conclusion"], answer["agreement"], answer["confidence"]) == ("4", "cannot_tell", 0.3333)
    assert answer["degraded"]


@pytest.mark.usefixtures("each_engine")
async def test_calls_have_records_that_add_up(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        answer = await q.ask("2 + 2?", seats(up, a=FOUR, b=FIVE, c=FOUR))
        session = await q.session_of(answer["session_id"])
        tokens = up.billed()
    records = session["call_records"]
    assert sum(r["input_tokens"] for r in records) == tokens[0]
    assert sum(r["output_tokens"] for r in records) == tokens[1]
    assert len(records) == answer["calls"] == session["session_calls"] == 3
    spent = (tokens[0] * 1.0 + tokens[1] * 2.0) / 1e6
    assert answer["total_cost"] == pytest.approx(spent)
    assert session["session_cost"] == pytest.approx(spent)
    assert {r["id"] for r in records} == {r["call_id"] for r in answer["provider_responses"]}


async def test_no_rule_is_told_for_a_panel_that_nobody_knows_anything_of(tmp_path: Path) -> None:
    row = {"question": "2 + 2?", "answers": [{"model": "lab/alpha", "text": FOUR, "correct": 1}]}
    async with scripted(tmp_path) as (_, q):
        refused = await q.post("/api/calibrate", {"rows": [row], "panel": ["lab/alpha", "lab/alpah"]})
        assert (refused.status, refused.error["code"]) == (422, "invalid_input")
        assert "no answers of lab/alpah" in refused.error["message"]
        assert refused.error["hint"] == "did you mean lab/alpha?"


async def test_pdfs_go_to_seats_that_read_them_and_are_refused_for_others_by_name(tmp_path: Path) -> None:
    pdf = {"name": "plan.pdf", "media_type": "application/pdf", "data": "JVBERi0xLjQ="}
    async with scripted(tmp_path) as (up, q):
        refused = await q.query("What does it say?", seats(up, a=FOUR), files=[pdf])
        assert (refused.status, refused.error["code"]) == (400, "unsupported")
        assert refused.error["message"] == "PDF documents cannot be shown to: lab/a"
    async with upstream() as up:
        up.model("m", FOUR)
        openrouter = {"base_url": up.url, "api_keys": ["secret-key-1"], "models": ["m"]}
        async with serving(tmp_path / "reads", {"providers": {"openrouter": openrouter}}) as q:
            stored = await q.post("/api/files", pdf)
            await q.ask("What does it say?", ["openrouter/m"], files=[{"id": stored["id"]}])
        (asked,) = up.of(kind="seat")
        document, text = asked.messages[-1]["content"]
        assert document == {
            "type": "file",
            "file": {"filename": "plan.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQ="},
        }
        assert text["text"].endswith("What does it say?")
