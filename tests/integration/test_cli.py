"""`quorum ask` and the commands about what it leaves, as processes: embedded and with a server to use."""

import asyncio
import json
import re
import signal
from pathlib import Path

import pytest
from tests.support.cli import command, interrupted
from tests.support.script import Say
from tests.support.server import serving
from tests.support.upstream import Upstream

from quorum_mcp import Quorum
from quorum_mcp.config.load import load

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
BOTH = pytest.mark.parametrize("where", ["embedded", "remote"])
FOUR = "Two and two make four.\nCONCLUSION: 4"
PANEL = ("--panel", "lab/a,lab/b,lab/c")


def agreeing(up: Upstream) -> None:
    for name in "abc":
        up.model(name, FOUR)


@BOTH
async def test_the_answer_goes_to_standard_output_and_the_rest_to_standard_error(
    where: str, tmp_path: Path
) -> None:
    async with command(where, tmp_path) as (up, quorum):
        agreeing(up)
        up.model("b", "CONCLUSION: 5")
        done = await quorum("ask", "What is 2 + 2?", *PANEL)
        assert (done.status, done.out) == (0, FOUR + "\n")
        for member, said in (("a", "4"), ("b", "5"), ("c", "4")):
            assert f"lab/{member}: has answered {said}" in done.err
        assert "2 agree, 1 dissents: lab/b: 5" in done.err
        assert "confidence 0.67 (uncalibrated)" in done.err
        assert "cost $0." in done.err
        assert "\x1b" not in done.out + done.err
        two = await quorum("ask", "What is 2 + 2?", "--panel", "lab/a,lab/b")
        assert re.search(r"^1 agrees, 1 dissents: lab/b: 5$", two.err, re.MULTILINE)
        quorum.env["QUORUM_NO_PROGRESS"] = "1"
        assert "has answered" not in (await quorum("ask", "What is 2 + 2?", *PANEL)).err


@BOTH
async def test_json_and_json_lines(where: str, tmp_path: Path) -> None:
    async with command(where, tmp_path) as (up, quorum):
        agreeing(up)
        whole = await quorum("ask", "What is 2 + 2?", *PANEL, "--json")
        assert (whole.status, whole.json["conclusion"], whole.json["calls"]) == (0, "4", 2)
        lines = (await quorum("ask", "What is 2 + 2?", *PANEL, "--jsonl")).lines
        assert {tuple(sorted(line)) for line in lines} == {("data", "run_id", "seq", "ts", "type", "v")}
        assert (lines[0]["type"], lines[-1]["type"]) == ("run.started", "run.finished")
        assert lines[-1]["data"]["result"]["conclusion"] == "4"
        assert [line["seq"] for line in lines] == sorted(line["seq"] for line in lines)


async def test_a_temperature_of_zero_is_sent(tmp_path: Path) -> None:
    async with command("embedded", tmp_path) as (up, quorum):
        agreeing(up)
        assert (await quorum("ask", "What is 2 + 2?", *PANEL, "--temperature", "0")).status == 0
        assert {asked.body["temperature"] for asked in up.asked} == {0}


@BOTH
async def test_what_is_piped_in(where: str, tmp_path: Path) -> None:
    async with command(where, tmp_path) as (up, quorum):
        agreeing(up)
        notes = tmp_path / "notes.md"
        notes.write_text("The rollout is owned by Mia.")
        await quorum("ask", "Who owns it?", *PANEL, "-f", str(notes), stdin="It is spring.\n")
        assert "owned by Mia" in up.asked[0].everything
        assert "It is spring." in up.asked[0].everything
        assert up.asked[0].prompt.endswith("Who owns it?")
        up.asked.clear()
        await quorum("ask", *PANEL, stdin="What is 2 + 2?\n")
        assert up.asked[0].prompt.endswith("What is 2 + 2?")
        up.asked.clear()
        await quorum("ask", *PANEL, "-f", "-", "And this?", stdin="word " * 40_000)
        assert up.asked[0].prompt.count("word") == 40_000
        none = await quorum("ask", *PANEL, stdin="")
        assert (none.status, none.out) == (2, "")
        assert "error: there is no question\nhint: quorum ask" in none.err
        binary = await quorum("ask", *PANEL, stdin=b"\xff\xfe\x00\x01")
        assert (binary.status, "not text" in binary.err) == (2, True)


@BOTH
@pytest.mark.parametrize(
    ("arguments", "status", "says", "hint"),
    [
        (("ask", "?x", "--panel", "lob/a"), 6, "no model is called 'lob/a'", "did you mean lab/a?"),
        (("ask", "?x", "--panel", "nightly"), 6, "no panel is called 'nightly'", ""),
        (("ask", "?x", *PANEL, "--samples", "99"), 2, "samples", ""),
        (("ask", "?x", *PANEL, "--samples", "0"), 2, "samples: Input should be greater", ""),
        (("ask", "?x", *PANEL, "--max-cost", "0"), 2, "max_cost: Input should be greater than 0", ""),
        (("ask", "?x", *PANEL, "--timeout", "0"), 2, "timeout_seconds: Input should be greater", ""),
        (("ask", "?x", "--mode", "fast"), 2, "'fast' is not one of", "quorum ask --help"),
        (("ask", "?x", "-f", "missing.txt"), 2, "missing.txt cannot be read", "check the path"),
        (("ask", "?x", "--panel", "lab/a,lab/b", "--require-consensus"), 3, "does not agree", "session"),
        (("ask", "?x", "--panel", "lab/broken"), 4, "", ""),
        (("ask", "?x", *PANEL, "--max-cost", "0.0000001"), 5, "max_cost", "raise max_cost"),
        (("sessions", "show", "ses_none"), 6, "there is no session ses_none", "quorum sessions"),
        (("explain", "call_none"), 6, "call_none", ""),
        (("op", "sesions.list"), 6, "no operation 'sesions.list'", "did you mean 'sessions.list'?"),
    ],
)
async def test_exit_statuses(
    where: str, arguments: tuple[str, ...], status: int, says: str, hint: str, tmp_path: Path
) -> None:
    async with command(where, tmp_path) as (up, quorum):
        agreeing(up)
        up.model("b", "CONCLUSION: 5")
        up.model("broken", Say(fail="auth"))
        done = await quorum(*arguments)
        assert (done.status, done.out if arguments[0] != "op" else "") == (status, "")
        error, _, rest = done.err.partition("error: ")[2].partition("\n")
        assert says in error
        assert rest.startswith("hint: ") or not hint
        assert hint in rest
        assert "Traceback" not in done.err


async def test_refused_and_unreachable_servers(tmp_path: Path) -> None:
    async with command("embedded", tmp_path) as (_, quorum):
        quorum.env["QUORUM_URL"] = "http://127.0.0.1:9"
        gone = await quorum("ask", "?x", "--json")
        assert (gone.status, gone.json["error"]["code"]) == (4, "server_unavailable")
        assert "hint: start the server with `quorum serve`" in gone.err
        async with serving(tmp_path / "server", {}, QUORUM_BOOTSTRAP_KEY="right") as rest:
            refused = await quorum("--url", rest.url, "sessions")
            assert (refused.status, "error: a key is needed" in refused.err) == (7, True)
            quorum.env["QUORUM_API_KEY"] = "right"
            assert (await quorum("--url", rest.url, "sessions")).status == 0


@BOTH
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupt_cancels_the_run(where: str, how: signal.Signals, tmp_path: Path) -> None:
    async with command(where, tmp_path) as (up, quorum):
        agreeing(up)
        up.model("b", Say(FOUR, hold="never"))
        child = await quorum.start("ask", "What is 2 + 2?", *PANEL)
        await up.until(lambda: up.open and up.count(outcome="finished"), 20)
        done = await interrupted(child, how)
        assert (done.status, done.out) == (130, "")
        assert "error: interrupted" in done.err
        await up.until(lambda: not up.open, 2)
        listed = (await quorum("sessions", "--json")).json["sessions"]
        assert [s["status"] for s in listed] == ["cancelled"]


@BOTH
async def test_a_dry_run_asks_nobody(where: str, tmp_path: Path) -> None:
    async with command(where, tmp_path) as (up, quorum):
        agreeing(up)
        done = await quorum("ask", "What is 2 + 2?", *PANEL, "--dry-run", "--mode", "full")
        assert (done.status, up.count()) == (0, 0)
        assert all(
            name in done.out
            for name in ("lab/a", "lab/b", "lab/c", "cost at most $", "cost about $", "full_deliberation")
        )
        assert (await quorum("ask", "?x", *PANEL, "--dry-run", "--json")).json["worst_case_usd"] > 0


@pytest.mark.usefixtures("each_engine")
@BOTH
async def test_sessions_are_continued_shown_exported_and_explained(where: str, tmp_path: Path) -> None:
    async with command(where, tmp_path) as (up, quorum):
        agreeing(up)
        first = (await quorum("ask", "What is 2 + 2?", *PANEL, "--json")).json
        second = (await quorum("ask", "-c", "And 3 + 1?", *PANEL, "--json")).json
        assert (second["session_id"], second["turn"]) == (first["session_id"], 2)
        assert FOUR in up.asked[-1].everything
        listed = await quorum("sessions", "-q", "2 + 2", "--status", "completed")
        assert first["session_id"] in listed.out
        assert (await quorum("sessions", "-q", "nothing of this")).out.count("\n") == 1
        shown = await quorum("sessions", "show", first["session_id"])
        assert all(text in shown.out for text in ("? What is 2 + 2?", "? And 3 + 1?", FOUR, "all 2 agree"))
        call = first["provider_responses"][0]["call_id"]
        assert call in shown.out
        explained = await quorum("explain", call)
        assert explained.out.startswith("lab/a: ok, 1 attempt(s)")
        page = tmp_path / "page.html"
        written = await quorum("sessions", "export", first["session_id"], "--format", "html", "-o", str(page))
        assert (written.status, written.out) == (0, "")
        assert "<html" in page.read_text()
        assert (await quorum("sessions", "export", first["session_id"], "--json")).json["turns"][1][
            "turn"
        ] == 2


@pytest.mark.usefixtures("each_engine")
async def test_another_process_cancels_a_session(tmp_path: Path) -> None:
    async with command("embedded", tmp_path) as (up, quorum):
        agreeing(up)
        up.model("b", Say(FOUR, hold="never"))
        child = await quorum.start("ask", "What is 2 + 2?", *PANEL)
        await up.until(lambda: up.open and up.count(outcome="finished"), 20)
        running = (await quorum("sessions", "--status", "running", "--json")).json["sessions"]
        cancelled = await quorum("sessions", "cancel", running[0]["session_id"])
        assert "is cancelled" in cancelled.out
        out, err = await child.communicate()
        assert (child.returncode, out) == (130, b"")
        assert b"error: the run was cancelled" in err


@BOTH
async def test_lists_and_any_operation(where: str, tmp_path: Path) -> None:
    async with command(where, tmp_path) as (up, quorum):
        agreeing(up)
        providers = await quorum("providers")
        assert "set OPENAI_API_KEY" in providers.out
        assert {p["name"] for p in (await quorum("providers", "--json")).json["providers"]} > {
            "lab",
            "builtin",
        }
        assert "lab/c" in (await quorum("models", "--provider", "lab", "--refresh")).out
        given = json.dumps({"a": "CONCLUSION: 4", "b": "CONCLUSION: 4.0"})
        assert (await quorum("op", "agreement", "--json", given)).json["agreement"] == "agree"
        assert (await quorum("op", "agreement", "--json", "-", stdin=given)).json["agreement"] == "agree"
        broken = await quorum("op", "agreement", "--json", "{'a': 1}")
        assert (broken.status, broken.json["error"]["code"]) == (2, "invalid_input")


@pytest.mark.usefixtures("each_engine")
@BOTH
async def test_calibrate_learns_from_a_file(where: str, tmp_path: Path) -> None:
    rows = [
        {
            "qid": f"q{n}",
            "question": f"What is {n} + {n}?",
            "answers": [
                {"model": "a", "text": f"CONCLUSION: {2 * n}", "correct": 1},
                {"model": "b", "text": f"CONCLUSION: {n}", "correct": int(n == 0)},
            ],
        }
        for n in range(30)
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    async with command(where, tmp_path) as (_, quorum):
        learnt = await quorum("calibrate", str(file), "--provider", "lab", "--panel", "lab/a,lab/b")
        assert learnt.status == 0, learnt.err
        assert learnt.out.splitlines()[1].split()[:3] == ["lab/a", "30", "30"]
        assert "this panel decides by: leader alone" in learnt.out
        nobody = await quorum("calibrate", str(file), "--provider", "lab", "--panel", "lab/a,lab/bb")
        assert (nobody.status, nobody.out) == (2, "")
        assert "no answers of lab/bb\nhint: did you mean lab/b?" in nobody.err
        broken = await quorum("calibrate", "-", stdin='{"answers": []}\nnot json')
        assert (broken.status, "error: -:2:" in broken.err) == (2, True)


@BOTH
async def test_what_is_no_language_model_is_labelled_everywhere(where: str, tmp_path: Path) -> None:
    async with command(where, tmp_path) as (_, quorum):
        asked = ("ask", "What is 17% of 2,340?", "--panel", "builtin/arithmetic")
        done = await quorum(*asked)
        label = "[built-in solvers: builtin/arithmetic – computed, no language model]"
        assert done.out.splitlines()[0] == label
        assert "397.8" in done.out
        assert label in done.err
        assert (await quorum(*asked, "--json")).json["builtin"] == ["builtin/arithmetic"]
        lines = await quorum(*asked, "--jsonl")
        assert lines.lines[0]["data"]["seats"][0]["builtin"] is True
        assert label in lines.err


async def test_files_of_the_working_directory_do_not_count(tmp_path: Path) -> None:
    async with command("embedded", tmp_path) as (up, quorum):
        agreeing(up)
        (quorum.cwd / "quorum.yaml").write_text("nonsense: [")
        (quorum.cwd / ".env").write_text("QUORUM_URL=http://127.0.0.1:9\nOPENAI_API_KEY=x\n")
        done = await quorum("ask", "What is 2 + 2?", *PANEL)
        assert (done.status, done.out) == (0, FOUR + "\n")
        shown = await quorum("config", "show")
        assert (shown.status, "OPENAI_API_KEY" in shown.out) == (0, False)
        del quorum.env["QUORUM_CONFIG"]
        assert "quorum.yaml" in (await quorum("config", "show", "--serve")).err


async def test_what_a_killed_ask_left_is_resumed_by_whoever_waits_for_it_only(tmp_path: Path) -> None:
    async with command("embedded", tmp_path) as (up, quorum):
        agreeing(up)
        up.model("b", Say(FOUR, hold="gate"))
        child = await quorum.start("ask", "What is 2 + 2?", *PANEL)
        await up.until(lambda: up.open and up.count("a", outcome="finished"), 20)
        await asyncio.sleep(0.2)  # until the finished answer is stored
        await interrupted(child, signal.SIGKILL)
        await asyncio.sleep(4.5)  # longer than a heartbeat may be old
        left = (await quorum("sessions", "--json")).json["sessions"]
        assert [(s["status"], up.count()) for s in left] == [("running", 2)], "a list resumes nothing"
        up.release("gate")
        settings = load(config=tmp_path / "client" / "quorum.yaml", env=quorum.env, cwd=quorum.cwd)
        async with Quorum(settings=settings) as q:
            last = [event async for event in q.follow(left[0]["session_id"])][-1]
        assert (last.type, last.data["result"]["conclusion"]) == ("run.finished", "4")
        assert (up.count("a"), up.count("b")) == (1, 2), "a finished call is not paid twice"
