"""Sessions: follow-ups, idempotency, lists, exports, reruns, scores, and giving up a seat."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.support.rest import sse
from tests.support.script import Say
from tests.support.server import scripted

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20), pytest.mark.usefixtures("each_engine")]
FOUR, FIVE = "Two and two is four.\nCONCLUSION: 4", "I count five.\nCONCLUSION: 5"
PANEL = ["lab/a", "lab/b"]


def talk(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The conversation without its system prompt."""
    return [(m["role"], m["content"]) for m in messages if m["role"] != "system"]


async def test_a_follow_up_brings_the_session_to_every_seat(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", [FOUR, FIVE, FIVE])
        up.model("b", [FOUR, FIVE, FIVE])
        first = await q.ask("What is 2 + 2?", PANEL)
        second = await q.ask("And plus one?", PANEL, session_id=first["session_id"])
        third = await q.ask("Are you sure?", PANEL, session_id=first["session_id"])
        told = [("user", "What is 2 + 2?"), ("assistant", FOUR), ("user", "And plus one?")]
        assert [talk(a.messages) for a in up.asked[2:4]] == [told, told]
        longer = [*told, ("assistant", FIVE), ("user", "Are you sure?")]
        assert [talk(a.messages) for a in up.asked[4:6]] == [longer, longer]
        session = await q.session_of(first["session_id"])
    assert first["session_id"] == second["session_id"] == third["session_id"]
    assert [first["turn"], second["turn"], third["turn"]] == [1, 2, 3]
    assert [(t["query"], t["status"], t["answer"]["conclusion"]) for t in session["turns"]] == [
        ("What is 2 + 2?", "completed", "4"),
        ("And plus one?", "completed", "5"),
        ("Are you sure?", "completed", "5"),
    ]
    assert session["session_calls"] == len(session["call_records"]) == 6
    assert session["session_cost"] == pytest.approx(sum(t["answer"]["total_cost"] for t in session["turns"]))
    assert session["conclusion"] == "5"


async def test_messages_carry_a_conversation(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", FOUR)
        up.model("b", FOUR)
        past = [
            {"role": "system", "content": "Speak like a pirate."},
            {"role": "user", "content": "Ahoy?"},
            {"role": "assistant", "content": "Ahoy!"},
        ]
        await q.ask("What is 2 + 2?", PANEL, messages=past)
        for asked in up.asked:
            assert talk(asked.messages) == [
                ("user", "Ahoy?"),
                ("assistant", "Ahoy!"),
                ("user", "What is 2 + 2?"),
            ]
            assert "Speak like a pirate." in asked.everything
        both = await q.query("2 + 2?", PANEL, messages=past, session_id="ses_x")
        assert (both.status, both.error["code"]) == (422, "invalid_input")


async def test_a_follow_up_of_a_running_or_unknown_session_is_refused(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", Say(FOUR, hold="go"))
        up.model("b", FOUR)
        running = await q.query("2 + 2?", PANEL, wait=False)
        assert (running.status, running["status"]) == (202, "running")
        early = await q.query("And 3?", PANEL, session_id=running["session_id"])
        assert (early.status, early.error["code"]) == (409, "conflict")
        assert early.error["hint"]
        unknown = await q.query("And 3?", PANEL, session_id="ses_unknown")
        assert (unknown.status, unknown.error["code"]) == (404, "not_found")
        await up.until(lambda: len(up.asked) == 2)
        up.release("go")
        events = await q.all_events(running["session_id"])
        assert events[-1]["type"] == "run.finished"
        assert len(up.asked) == 2
        assert len((await q.session_of(running["session_id"]))["turns"]) == 1
        assert (await q.ask("And 3?", PANEL, session_id=running["session_id"]))["turn"] == 2


async def test_a_follow_up_of_a_failed_turn_goes_on(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", [FOUR, Say(fail="auth"), FIVE])
        first = await q.ask("What is 2 + 2?", ["lab/a"])
        failed = await q.query("And plus one?", ["lab/a"], session_id=first["session_id"])
        assert (failed.status, failed.error["code"]) == (502, "provider_auth")
        last = await q.ask("Once more: plus one?", ["lab/a"], session_id=first["session_id"])
        session = await q.session_of(first["session_id"])
    assert (last["turn"], last["conclusion"]) == (3, "5")
    assert [(t["status"], bool(t["answer"]), bool(t["error"])) for t in session["turns"]] == [
        ("completed", True, False),
        ("failed", False, True),
        ("completed", True, False),
    ]


async def test_one_key_and_one_body_are_one_run(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", Say(FOUR, latency=0.2))
        up.model("b", Say(FOUR, latency=0.2))
        asked = {"panel": PANEL, "idempotency_key": "k1"}
        at_once = await asyncio.gather(*(q.ask("2 + 2?", **asked) for _ in range(5)))
        later = await q.ask("2 + 2?", **asked)
        unwaited = await q.query("2 + 2?", wait=False, **asked)
        assert {a["session_id"] for a in [*at_once, later, unwaited]} == {later["session_id"]}
        assert all(a == later for a in at_once)
        assert unwaited["status"] == "completed"
        assert len(up.asked) == 2
        other = await q.query("2 + 3?", **asked)
        assert (other.status, other.error["code"]) == (409, "conflict")
        assert other.error["details"]["session_id"] == later["session_id"]
        fresh = await q.ask("2 + 2?", PANEL, idempotency_key="k2")
        assert fresh["session_id"] != later["session_id"]
        assert len((await q.get("/api/sessions"))["sessions"]) == 2
        assert len(up.asked) == 4


async def test_two_bodies_with_one_key_at_the_same_time(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", Say(FOUR, latency=0.1))
        answers = await asyncio.gather(
            *(q.query(f"{n} + 2?", ["lab/a"], idempotency_key="same") for n in range(6))
        )
        assert sorted(a.status for a in answers) == [200, *[409] * 5]
        assert len(up.asked) == 1
        assert len((await q.get("/api/sessions"))["sessions"]) == 1


async def test_a_repeated_turn_gets_its_own_answer_even_after_others(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", [FOUR, FIVE, "CONCLUSION: 6"])
        first = await q.ask("2 + 2?", ["lab/a"], idempotency_key="one")
        turn = {"session_id": first["session_id"], "idempotency_key": "two"}
        second = await q.ask("And 1?", ["lab/a"], **turn)
        await q.ask("And 1 more?", ["lab/a"], session_id=first["session_id"])
        again = await q.ask("2 + 2?", ["lab/a"], idempotency_key="one")
        assert (again["turn"], again["conclusion"]) == (1, "4")
        assert (await q.ask("And 1?", ["lab/a"], **turn))["conclusion"] == second["conclusion"] == "5"
        assert len(up.asked) == 3


async def test_the_list_is_filtered_searched_and_paged(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", FOUR)
        up.model("broken", Say(fail="auth"))
        ids = [(await q.ask(f"Question {n} about Äpfel", ["lab/a"]))["session_id"] for n in range(5)]
        failed = (await q.query("What fails?", ["lab/broken"])).error["details"]["session_id"]

        async def listed(query: str) -> list[str]:
            answer = await q.get(f"/api/sessions?{query}")
            assert answer.status == 200, answer.body
            return [s["session_id"] for s in answer["sessions"]]

        assert await listed("") == [failed, *reversed(ids)]
        assert await listed("status=failed") == [failed]
        assert await listed("q=äpfel") == list(reversed(ids))
        assert await listed("q=question 3") == [ids[3]]
        assert await listed("q=%25") == []
        pages, cursor = list[str](), ""
        while True:
            page = await q.get(f"/api/sessions?limit=2{cursor}")
            pages += [s["session_id"] for s in page["sessions"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert pages == [failed, *reversed(ids)]
        line = (await q.get("/api/sessions?limit=1&status=completed"))["sessions"][0]
        assert (line["title"], line["mode"], line["turns"], line["calls"]) == (
            "Question 4 about Äpfel", "quick_consensus", 1, 1,
        )  # fmt: skip
        assert await listed(f"since={line['created_at']}") == [failed, ids[4]]
        assert await listed(f"until={line['created_at']}") == list(reversed(ids[:4]))
        for wrong in ("status=runing", "limit=0", "limit=x", "cursor=zzz", "since=yesterday", "sort=x"):
            refused = await q.get(f"/api/sessions?{wrong}")
            assert (refused.status, refused.error["code"]) == (422, "invalid_input"), wrong
        assert "running" in (await q.get("/api/sessions?status=runing")).error["hint"]


async def test_exports(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", "<script>alert(1)</script> & four\nCONCLUSION: 4")
        up.model("b", FIVE)
        answer = await q.ask("Is <b>2 + 2</b> four?", PANEL)
        path = f"/api/session/{answer['session_id']}/export"
        whole = await q.get(path)
        assert whole.body["consensus"] == answer["consensus"]
        assert len(whole.body["call_records"]) == 2
        markdown, page = await q.get(path + "?format=md"), await q.get(path + "?format=html")
        wrong = await q.get(path + "?format=pdf")
    assert markdown.headers["content-type"].startswith("text/markdown")
    assert "alert(1)" in markdown.body
    assert "I count five." in markdown.body
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-disposition"].startswith("attachment")
    assert "<script>" not in page.body
    assert "&lt;script&gt;alert(1)" in page.body
    assert "<b>2 + 2</b>" not in page.body
    assert (wrong.status, wrong.error["code"]) == (422, "invalid_input")


async def test_a_rerun_is_a_new_session(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", FOUR)
        up.model("b", FOUR)
        up.model("c", FIVE, critique="CONCLUSION: 5")
        first = await q.ask("What is 2 + 2?", [*PANEL, "lab/c"])
        again = await q.post(f"/api/session/{first['session_id']}/rerun", {"mode": "full_deliberation"})
        assert again.status == 200
        assert again["session_id"] != first["session_id"]
        assert [r["member"] for r in again["provider_responses"] if r["round"] == 1] == [*PANEL, "lab/c"]
        assert again["mode"] == "full_deliberation"
        other = await q.post(f"/api/session/{first['session_id']}/rerun", {"panel": ["lab/c"], "wait": False})
        assert other.status == 202
        events = await q.all_events(other["session_id"])
        assert events[-1]["data"]["result"]["conclusion"] == "5"
        assert (await q.post("/api/session/ses_none/rerun", {})).status == 404


async def test_scores(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", FOUR)
        answer = await q.ask("2 + 2?", ["lab/a"])
        given = {"session_id": answer["session_id"], "score": 1}
        stored = (await q.post("/api/feedback", given)).body
        assert stored.items() >= {"session_id": answer["session_id"], "turn": 1, "score": 1.0}.items()
        for wrong in (
            given | {"score": 2},
            given | {"session_id": "ses_none"},
            given | {"turn": 9},
            {"score": 1},
        ):
            refused = await q.post("/api/feedback", wrong)
            assert refused.status in (404, 422), refused.body


async def test_a_seat_can_be_given_up(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", FOUR)
        up.model("b", Say(fail="hang"))
        up.model("c", Say(FOUR, hold="c"))
        started = await q.ask("2 + 2?", ["lab/a", "lab/b", "lab/c"], exhaustive=True, wait=False)
        path = f"/api/session/{started['session_id']}/seats"
        await up.until(lambda: len(up.asked) == 3)
        assert (await q.post(f"{path}/1/stop")).status == 200
        await up.until(lambda: up.count("b", outcome="dropped") == 1, 1.0)
        for wrong in ("1", "a", "9", "nobody"):
            assert (await q.post(f"{path}/{wrong}/stop")).status == 404
        up.release("c")
        events = await q.all_events(started["session_id"])
        answer = events[-1]["data"]["result"]
        assert (await q.post(f"{path}/2/stop")).status == 404
    assert (answer["conclusion"], answer["degraded"], answer["confidence"]) == ("4", True, 0.6667)
    stopped = next(r for r in answer["provider_responses"] if r["member"] == "lab/b")
    assert stopped["status"] == "failed"
    assert stopped["error"]["code"] in ("cancelled", "provider_timeout")


async def test_a_required_consensus(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", FOUR)
        up.model("b", FIVE)
        up.model("c", FOUR)
        refused = await q.query("2 + 2?", PANEL, require_consensus=True)
        assert (refused.status, refused.error["code"]) == (409, "no_consensus")
        assert refused.error["details"]["answer"]["conclusion"] == "4"
        assert (await q.query("2 + 2?", ["lab/a", "lab/c"], require_consensus=True)).status == 200


async def test_a_stream_of_events_instead_of_an_answer(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", [FOUR, FIVE])
        body: dict[str, Any] = {"query": "2 + 2?", "panel": ["lab/a"], "stream": True}
        answers = list[str]()
        for turn in (1, 2):
            async with q.session.post(q.url + "/api/query", json=body) as response:
                assert response.headers["content-type"].startswith("text/event-stream")
                events = [event async for event in sse(response)]
            assert (events[0]["type"], events[-1]["type"]) == ("run.started", "run.finished")
            assert {event["data"]["turn"] for event in events if event["type"] != "call.delta"} == {turn}
            answers.append(events[-1]["data"]["result"]["conclusion"])
            body["session_id"] = events[-1]["run_id"]
        assert answers == ["4", "5"]
