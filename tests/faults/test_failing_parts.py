"""Any one part failing, in each of five ways, leaves an answer inside the deadline that says what failed."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support.open_question import QUESTION, REVIEWS, honest
from tests.support.rest import Rest
from tests.support.script import FAILURES, Say
from tests.support.server import scripted

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(40)]
LONG = bool(os.environ.get("QUORUM_LONG_FAULTS"))
# The default policy of retries with the run's ten seconds, or all of it at a third of the time.
SECONDS = 10.0 if LONG else 3.0
RETRY = {"attempts": 3} | ({} if LONG else {"min_seconds": 1.2, "max_seconds": 3.0})
SLACK = 1.5
FOUR = "Two and two is four.\nCONCLUSION: 4"
CODES = {
    "error": ("provider_unavailable", "upstream failed"),
    "limit": ("provider_rate_limited", "slow down"),
    "hang": ("provider_timeout", ""),
    "empty": ("provider_bad_answer", "empty"),
    "garbage": ("provider_bad_answer", ""),
}


async def timed(q: Rest, question: str, panel: list[str], **body: Any) -> dict[str, Any]:
    """Ask, and check what holds for every run with a broken part."""
    began = time.monotonic()
    answer = await q.ask(question, panel, timeout_seconds=SECONDS, **body)
    took = time.monotonic() - began
    assert took <= SECONDS + SLACK, f"{took:.2f} s"
    assert answer["status"] == "completed"
    assert answer["degraded"]
    assert answer["duration"] <= SECONDS + SLACK
    return answer


def error_of(answer: dict[str, Any], model: str, role: str) -> dict[str, Any]:
    found = [r for r in answer["provider_responses"] if r["model"] == model and r["role"] == role]
    assert [r["status"] for r in found] == ["failed"]
    return found[0]["error"]


def shows(error: dict[str, Any], kind: str, model: str) -> None:
    """The error is the real one, with its provider and model."""
    code, words = CODES[kind]
    assert error["code"] == code, error
    assert words in error["message"]
    assert (error["details"]["provider"], error["details"]["model"]) == ("lab", model)


@pytest.mark.parametrize("mode", ["quick_consensus", "full_deliberation", "devils_advocate"])
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_a_failing_seat(tmp_path: Path, mode: str, place: int) -> None:
    async with scripted(tmp_path, retry=RETRY) as (up, q):

        async def one(kind: Any) -> None:
            names = [f"{kind}-{at}" for at in range(3)]
            for name in names:
                up.model(name, FOUR, attack="NO OBJECTION")
            up.model(names[place], Say(FOUR, fail=kind))
            panel = [f"lab/{name}" for name in names]
            # In quick mode a third seat is asked only if the first two do not settle it.
            exhaustive = place == 2 and mode == "quick_consensus"
            answer = await timed(q, "What is 2 + 2?", panel, mode=mode, exhaustive=exhaustive)
            assert answer["conclusion"] == "4"
            assert answer["confidence"] == 0.6667
            assert answer["agreement"] == "agree"
            assert answer["consensus"] == FOUR
            shows(error_of(answer, names[place], "answer"), kind, names[place])
            assert up.count(names[place], "seat") >= 1

        await asyncio.gather(*(one(kind) for kind in FAILURES))


async def test_a_failing_judge(tmp_path: Path) -> None:
    async with scripted(tmp_path, retry=RETRY, consensus={"fallback": ["lab/second"]}) as (up, q):
        for name, text in REVIEWS.items():
            up.model(name, text)
        up.model("second", grouping=honest, synthesis="A relational database, most say.")

        async def one(kind: Any) -> None:
            up.model(f"judge-{kind}", grouping=Say(fail=kind), synthesis="A database it is.")
            panel = [f"lab/{name}" for name in REVIEWS]
            answer = await timed(q, QUESTION, panel, synthesizer=f"lab/judge-{kind}")
            shows(error_of(answer, f"judge-{kind}", "judge"), kind, f"judge-{kind}")
            assert (answer["agreement"], answer["confidence"]) == ("disagree", 0.6667)
            assert [g["members"] for g in answer["groups"]] == [["lab/a", "lab/b"], ["lab/c"]]
            assert answer["points"]

        await asyncio.gather(*(one(kind) for kind in FAILURES))


async def test_a_failing_writer(tmp_path: Path) -> None:
    async with scripted(tmp_path, retry=RETRY, consensus={"fallback": ["lab/second"]}) as (up, q):
        for name, text in REVIEWS.items():
            up.model(name, text)
        up.model("second", synthesis="Most say: a relational database.")

        async def one(kind: Any) -> None:
            up.model(f"writer-{kind}", grouping=honest, synthesis=Say("Never seen.", fail=kind))
            panel = [f"lab/{name}" for name in REVIEWS]
            answer = await timed(q, QUESTION, panel, synthesizer=f"lab/writer-{kind}")
            shows(error_of(answer, f"writer-{kind}", "synthesizer"), kind, f"writer-{kind}")
            assert answer["consensus"] == "Most say: a relational database."
            assert answer["confidence"] == 0.6667

        await asyncio.gather(*(one(kind) for kind in FAILURES))


async def test_every_judge_and_writer_failing_leaves_the_seats_own_words(tmp_path: Path) -> None:
    async with scripted(tmp_path, retry=RETRY) as (up, q):

        async def one(kind: Any) -> None:
            broken = Say(fail=kind)
            for name, text in REVIEWS.items():
                up.model(f"{kind}-{name}", text, grouping=broken, placing=broken, synthesis=broken)
            answer = await timed(q, QUESTION, [f"lab/{kind}-{name}" for name in REVIEWS])
            assert answer["consensus"] == REVIEWS["a"]
            assert (answer["agreement"], answer["confidence"]) == ("cannot_tell", None)
            assert {d["text"] for d in answer["dissent"]} == {REVIEWS["b"], REVIEWS["c"]}
            assert answer["points"] == []

        await asyncio.gather(*(one(kind) for kind in FAILURES))


async def test_a_failing_critic_and_advocate(tmp_path: Path) -> None:
    async with scripted(tmp_path, retry=RETRY) as (up, q):

        async def one(kind: Any, mode: str) -> None:
            name = f"{kind}-{mode[:4]}"
            up.model(name + "-a", FOUR, defence="1: REJECTED - no\nCONCLUSION: 4", critique="CONCLUSION: 4")
            up.model(name + "-b", "CONCLUSION: 5", critique=Say(fail=kind), attack=Say(fail=kind))
            up.model(name + "-c", FOUR, defence="1: REJECTED - no\nCONCLUSION: 4", critique="CONCLUSION: 4")
            answer = await timed(q, "What is 2 + 2?", [f"lab/{name}-{seat}" for seat in "abc"], mode=mode)
            assert (answer["conclusion"], answer["confidence"]) == ("4", 0.6667)
            role = "critique" if mode == "full_deliberation" else "advocate"
            shows(error_of(answer, name + "-b", role), kind, name + "-b")

        modes = ("full_deliberation", "devils_advocate")
        await asyncio.gather(*(one(kind, mode) for kind in FAILURES for mode in modes))


@pytest.mark.parametrize("kind", ["cut", "malformed", "auth"])
async def test_other_failures_of_a_seat(tmp_path: Path, kind: Any) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", Say(FOUR * 20, fail=kind))
        up.model("b", FOUR)
        up.model("c", FOUR)
        answer = await timed(q, "What is 2 + 2?", ["lab/a", "lab/b", "lab/c"])
        assert answer["conclusion"] == "4"
        code = "provider_auth" if kind == "auth" else "provider_bad_answer"
        assert error_of(answer, "a", "answer")["code"] == code
        alone = await q.query("What is 2 + 2?", ["lab/a"], timeout_seconds=SECONDS)
        assert alone.error["code"] == code
        assert up.count("a") >= (2 if kind == "auth" else 4)  # a bad key is not tried again, a bad answer is


async def test_nobody_answering_is_an_error_that_shows_every_seat(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", Say(fail="error"))
        up.model("b", Say(fail="limit", retry_after=30))
        both = await q.query("2 + 2?", ["lab/a", "lab/b"], timeout_seconds=3)
        assert both.status == 502
        assert both.error["code"] == "provider_error"
        assert set(both.error["details"]["seats"]) == {"lab/a", "lab/b"}
        assert both.error["hint"]
        session = await q.session_of(both.error["details"]["session_id"])
        assert (session["status"], session["error"]["code"]) == ("failed", "provider_error")
        limited = await q.query("2 + 2?", ["lab/b"], timeout_seconds=3)
        assert (limited.status, limited.error["code"]) == (502, "provider_rate_limited")
