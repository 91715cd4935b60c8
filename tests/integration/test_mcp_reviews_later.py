"""Reviews that take longer than a client waits: q_out and tasks have what is there, and the rest later."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.integration.test_mcp_reviews import finding
from tests.integration.test_mcp_task_extension import send
from tests.integration.test_mcp_task_extension import world as tasks_world
from tests.integration.test_mcp_tasks import call, panel
from tests.support.script import Say

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
SOURCE = {"name": "a.py", "content": "def f(x):\n    return x\n"}
REVIEW = {"files": [SOURCE], "review_type": "security", "severity_filter": "high"}
SCORES = "SCORE A 1 9\nSCORE B 1 3\nCONCLUSION: A"
GRAVE, SLIGHT = finding(), finding(severity="low", line=30, title="a name is unclear")
JUDGES = {"grouping": "I cannot tell.", "synthesis": "Check the input."}


async def test_q_out_has_the_findings_so_far_and_later_all(tmp_path: Path) -> None:
    async with panel(tmp_path, seats="ab", mcp={"wait_seconds": 0.3}) as (up, client):
        up.model("a", f"{GRAVE}\n{SLIGHT}", **JUDGES)
        up.model(
            "b", Say(finding(line=4, severity="critical", title="x is not checked"), hold="go"), **JUDGES
        )
        early = await call(client, "code_review", **REVIEW)
        assert (early["status"], early["reviewed"]) == ("running", ["a.py"])
        assert [one["members"] for one in early["findings"]] == [["lab/a"]]
        session = {"session_id": early["session_id"]}
        meanwhile = await call(client, "q_out", **session, wait_seconds=0)
        assert meanwhile["result"] == {"findings": early["findings"], "reviewed": ["a.py"]}
        assert meanwhile["progress"]
        up.release("go")
        late = await call(client, "q_out", **session)
        assert late["status"] == "completed"
        (one,) = late["result"]["findings"]
        assert (one["severity"], one["members"]) == ("critical", ["lab/a", "lab/b"])


async def test_q_out_ranks_and_shows_answers_side_by_side(tmp_path: Path) -> None:
    async with panel(tmp_path, seats="ab", mcp={"wait_seconds": 0.2}) as (up, client):
        up.model("a", SCORES, **JUDGES)
        up.model("b", Say(SCORES.replace("9", "7"), hold="go"), **JUDGES)
        tools: dict[str, dict[str, Any]] = {
            "comparative_analysis": {"options": ["one", "two"]},
            "multi_model_review": {"task": "A or B?"},
        }
        sessions = {name: (await call(client, name, **given))["session_id"] for name, given in tools.items()}
        part = await call(client, "q_out", session_id=sessions["comparative_analysis"], wait_seconds=0)
        assert [(one["option"], one["score"]) for one in part["result"]["ranking"]] == [
            ("one", 9.0),
            ("two", 3.0),
        ]
        up.release("go")
        told = {name: await call(client, "q_out", session_id=at) for name, at in sessions.items()}
        assert told["comparative_analysis"]["result"]["ranking"][0]["score"] == 8.0
        assert [one["member"] for one in told["multi_model_review"]["result"]["reviews"]] == [
            "lab/a",
            "lab/b",
        ]
        plain = await call(client, "q_in", query="A or B?")
        assert (await call(client, "q_out", session_id=plain["session_id"]))["result"] is None


async def test_a_review_is_a_task_with_its_own_result(tmp_path: Path) -> None:
    async with tasks_world(tmp_path) as (up, rest, wire):
        up.model("a", Say(f"{GRAVE}\n{SLIGHT}", hold="go"))
        task = (await send(wire, "tools/call", {"name": "code_review", "arguments": REVIEW}))["result"]
        assert (task["resultType"], task["status"]) == ("task", "working")
        up.release("go")
        assert (await rest.all_events(task["taskId"]))[-1]["type"] == "run.finished"
        done = (await send(wire, "tasks/get", {"taskId": task["taskId"]}))["result"]
        result = done["result"]["structuredContent"]
        assert [one["title"] for one in result["findings"]] == ["x is never checked"]
        assert (result["reviewed"], "result" in result) == (["a.py"], False)
        assert json.loads(done["result"]["content"][0]["text"]) == result
