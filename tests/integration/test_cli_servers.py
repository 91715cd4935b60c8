"""The commands that serve, and those that look after an installation, as processes."""

import asyncio
import json
import re
import resource
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click
import pytest
from tests.support.cli import Cli, command, interrupted, on_a_terminal
from tests.support.rest import client
from tests.support.script import Say
from tests.support.server import config, environment, free_port, write_config
from tests.support.upstream import threaded

from quorum_mcp.cli.main import COMMANDS
from quorum_mcp.cli.main import quorum as group

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
HELP_CPU_SECONDS = 0.3
FOUR = "Two and two make four.\nCONCLUSION: 4"


def cli_at(home: Path, given: object = "{}", **env: str) -> Cli:
    return Cli(home, environment(home, write_config(home, given), env))  # pyright: ignore[reportArgumentType]


@asynccontextmanager
async def started(
    cli: Cli, *arguments: str, until: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A command in the foreground and what it said on standard error up to a line that holds `until`."""
    child = await cli.start(*arguments)
    assert child.stderr is not None
    said = ""
    try:
        while until not in said:
            line = (await child.stderr.readline()).decode()
            assert line, f"it ended:\n{said}"
            said += line
        yield child, said
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def test_serve_says_where_it_is_and_ends_in_order(tmp_path: Path) -> None:
    quorum = cli_at(tmp_path, config("http://127.0.0.1:9/v1"))
    async with started(quorum, "serve", "--port", "0", until="Providers") as (child, said):
        found = re.search(r"^UI +(http://127\.0\.0\.1:\d+)/$", said, re.MULTILINE)
        assert found is not None, said
        url = found[1]
        assert f"API        {url}/api" in said
        assert f"MCP        {url}/mcp" in said
        assert f"configuration: {tmp_path / 'quorum.yaml'}" in said
        assert re.search(r"^Providers  lab; not: .*openai \(set OPENAI_API_KEY\)", said, re.MULTILINE)
        async with client(url) as rest:
            assert (await rest.get("/api/health")).status == 200
            forwarded = await rest.get("/api/health", headers={"x-forwarded-for": "127.0.0.1"})
            assert forwarded.status == 401, "a forwarded caller is not local"
        assert (await interrupted(child, signal.SIGTERM)).status == 0


async def test_serve_off_loopback_says_how_to_create_a_key(tmp_path: Path) -> None:
    quorum = cli_at(tmp_path)
    arguments = ("serve", "--host", "0.0.0.0", "--port", "0", "--json", "--root-path", "ai/")
    async with started(quorum, *arguments, until="Bearer") as (child, said):
        assert "warning: 0.0.0.0 can be reached by other machines and there is no key yet" in said
        key = re.search(r"QUORUM_BOOTSTRAP_KEY=(\S{20,}) quorum serve --host 0\.0\.0\.0", said)
        assert key is not None, said
        assert child.stdout is not None
        facts = json.loads(await child.stdout.readline())
        assert facts["ui"].endswith("/ai/")
        async with client(facts["ui"].removesuffix("/ai/")) as rest:
            assert (await rest.get("/api/health")).status == 401
    quorum.env["QUORUM_BOOTSTRAP_KEY"] = key[1]
    async with started(quorum, *arguments, until="Providers") as (child, said):
        assert "warning" not in said
        assert child.stdout is not None
        facts = json.loads(await child.stdout.readline())
        async with client(facts["ui"].removesuffix("/ai/"), authorization=f"Bearer {key[1]}") as rest:
            assert (await rest.get("/api/health")).status == 200
    quorum.env |= {"QUORUM_AUTH": "off", "QUORUM_BOOTSTRAP_KEY": ""}
    refused = await quorum("serve", "--host", "0.0.0.0", "--port", "0")
    assert (refused.status, "QUORUM_AUTH" in refused.err) == (2, True)


async def test_what_serve_refuses(tmp_path: Path) -> None:
    quorum = cli_at(tmp_path)
    with open_port() as port:
        taken = await quorum("serve", "--port", str(port))
        assert (taken.status, f"error: cannot listen on 127.0.0.1:{port}" in taken.err) == (2, True)
        assert f"hint: try another one: --port {port + 1}" in taken.err
    many = await quorum("serve", "--workers", "3")
    assert (many.status, "--workers 3 needs PostgreSQL (QUORUM_DATABASE_URL) and Redis" in many.err) == (
        2,
        True,
    )
    broken = await cli_at(tmp_path / "broken", "providers:\n  lab: {wire: openai, base_ulr: x}\n")("serve")
    assert broken.status == 2
    assert re.search(r"quorum\.yaml.*2.*base_ulr", broken.err)
    assert "base_url" in broken.err
    assert "Traceback" not in taken.err + many.err + broken.err


class open_port:  # noqa: N801 - used as a function
    """A port that is taken for as long as the context is open."""

    def __enter__(self) -> int:
        import socket

        self._listener = socket.create_server(("127.0.0.1", 0))
        return self._listener.getsockname()[1]

    def __exit__(self, *_: object) -> None:
        self._listener.close()


@pytest.mark.parametrize(
    ("options", "env", "status"),
    [
        ((), {}, 200),
        (("--host", "127.0.0.1"), {}, 200),
        (("--host", "0.0.0.0"), {}, 401),
        ((), {"UVICORN_HOST": "0.0.0.0"}, 401),
        (("--host=0.0.0.0",), {"QUORUM_BOOTSTRAP_KEY": "k"}, 401),
    ],
)
async def test_uvicorn_serves_the_application(
    options: tuple[str, ...], env: dict[str, str], status: int, tmp_path: Path
) -> None:
    port = free_port()
    quorum = cli_at(tmp_path, **env)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "uvicorn", "quorum_mcp.web.app:app", "--port", str(port), *options,
        env=quorum.env, cwd=quorum.cwd, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stderr is not None
    try:
        while b"Uvicorn running" not in (line := await child.stderr.readline()):
            assert line, "it ended"
        async with client(f"http://127.0.0.1:{port}") as rest:
            assert (await rest.get("/api/health")).status == status
    finally:
        child.kill()
        await child.communicate()


async def test_uvicorn_is_told_in_one_line_what_is_wrong(tmp_path: Path) -> None:
    quorum = cli_at(tmp_path, "providers:\n  lab: {wire: openai, base_ulr: x}\n")
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "uvicorn", "quorum_mcp.web.app:app", "--port", str(free_port()),
        env=quorum.env, cwd=quorum.cwd, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, err = await child.communicate()
    assert child.returncode == 3
    assert re.search(r"error: .*base_ulr.*base_url", err.decode())
    assert b"Traceback" not in err


async def test_the_demo_shows_several_models_deliberate(tmp_path: Path) -> None:
    quorum = cli_at(tmp_path, "nonsense", OPENAI_API_KEY="never used", QUORUM_BOOTSTRAP_KEY="nor this")
    with open_port() as taken:
        done = await quorum("demo", "--once", "--speed", "0", "--port", str(taken))
    assert done.status == 0, done.err
    url = re.search(r"Quorum is running at (http://127\.0\.0\.1:\d+)/", done.out)
    assert url is not None
    assert not url[1].endswith(f":{taken}")
    assert f"NOTE: port {taken} is taken by another program" in done.err
    label = r"^\[simulated: sim/\w+(, sim/\w+)+ – scripted, no language model\]$"
    assert all(re.search(label, text, re.MULTILINE) for text in (done.out, done.err))
    assert "[built-in solvers: builtin/arithmetic" in done.out
    assert "397.8" in done.out
    for line in done.err.splitlines():
        assert "[simulated]" in line or not re.match(r"  sim/\w+", line), line
    assert len(re.findall(r"^  sim/\w+ \[simulated\]: has answered", done.err, re.MULTILINE)) == 4
    assert re.search(r"\d agree, \d dissents?: sim/", done.err)
    assert f"curl -s {url[1]}/api/query" in done.out
    assert f"--url {url[1]} ask" in done.out
    assert not (tmp_path / "quorum.db").exists(), "the demo keeps nothing"


async def test_the_demo_goes_on_serving_what_it_printed(tmp_path: Path) -> None:
    quorum = cli_at(tmp_path)
    async with started(quorum, "demo", "--speed", "0", "--port", str(free_port()), until="Ctrl-C ends") as (
        child,
        _,
    ):
        assert child.stdout is not None
        printed = (await child.stdout.read(65536)).decode()
        line = next(line for line in printed.splitlines() if line.startswith("  curl"))
        asked = await asyncio.create_subprocess_shell(line, stdout=asyncio.subprocess.PIPE)
        out, _ = await asked.communicate()
        answer = json.loads(out)
        assert (answer["conclusion"].split()[0], answer["simulated"]) == ("265", True)
        assert all(r["simulated"] for r in answer["provider_responses"] if r["provider"] == "sim")
        assert (await interrupted(child, signal.SIGINT)).status == 0


async def test_sim_serves_providers(tmp_path: Path) -> None:
    port = free_port()
    async with started(cli_at(tmp_path), "sim", "--port", str(port), until="models:") as (child, said):
        assert f"http://127.0.0.1:{port}" in said
        async with client(f"http://127.0.0.1:{port}") as rest:
            for _ in range(100):
                try:
                    listed = await rest.get("/v1/models")
                    break
                except OSError:
                    await asyncio.sleep(0.05)
            assert "atlas" in {model["id"] for model in listed["data"]}
            assert listed.headers["x-simulated"] == "true"
        again = await cli_at(tmp_path)("sim", "--port", str(port))
        assert (again.status, "cannot be listened on" in again.err) == (2, True)
        await interrupted(child, signal.SIGTERM)


async def test_mcp_answers_over_standard_input_and_output(tmp_path: Path) -> None:
    async with command("embedded", tmp_path) as (up, quorum):
        up.model("a", FOUR)
        asked = [
            {"method": "initialize", "params": {"protocolVersion": "2025-11-25", "capabilities": {},
                                                "clientInfo": {"name": "test", "version": "1"}}},
            {"method": "tools/call", "params": {"name": "generate", "arguments": {
                "model": "lab/a", "messages": [{"role": "user", "content": "What is 2 + 2?"}]}}},
        ]  # fmt: skip
        child = await quorum.start("mcp", piped=True)
        assert child.stdin is not None
        assert child.stdout is not None
        answers = []
        for number, request in enumerate(asked):
            child.stdin.write(json.dumps({"jsonrpc": "2.0", "id": number} | request).encode() + b"\n")
            answers.append(json.loads(await child.stdout.readline()))
            if number == 0:
                child.stdin.write(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')
        child.stdin.close()
        assert await child.wait() == 0
        assert answers[0]["result"]["serverInfo"]["name"]
        assert answers[1]["result"]["structuredContent"]["answer"] == FOUR


async def test_doctor_says_what_to_mend(tmp_path: Path) -> None:
    async with command("embedded", tmp_path, panels={"default": ["lab/alpha-2"]}) as (up, quorum):
        up.model("alpha-3", FOUR)
        well = await quorum("doctor", "--json")
        assert (well.status, well.json["well"], up.count()) == (0, True, 0)
        assert {c["what"] for c in well.json["checks"]} >= {
            "configuration",
            "database",
            "disk",
            "port",
            "providers",
        }
        quorum.env["OPENAI_API_KEY"] = "sk-secret"
        assert "openai: OPENAI_API_KEY (from environment" in (found := await quorum("doctor")).out
        assert "sk-secret" not in found.out + found.err
        del quorum.env["OPENAI_API_KEY"]
        dead = await quorum("doctor", "--online")
        assert dead.status == 2
        assert (
            "fail  models: panels.default: lab has no model 'alpha-2'\n      fix: write lab/alpha-3"
            in dead.out
        )
    broken = await cli_at(tmp_path / "broken", "providers: [")("doctor")
    assert (broken.status, broken.out.startswith("fail  configuration: ")) == (2, True)


async def test_the_database_is_checked_and_upgraded(tmp_path: Path) -> None:
    quorum = cli_at(tmp_path)
    assert (await quorum("db", "upgrade", "--json")).json["before"] is None
    assert (await quorum("db", "check", "--json")).json["up_to_date"] is True
    import sqlite3

    with sqlite3.connect(tmp_path / "quorum.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'from the future'")
    database.close()
    newer = await quorum("db", "check")
    assert (newer.status, "from the future" in newer.err, "db upgrade" in newer.err) == (2, True, False)
    assert "hint: Upgrade Quorum: pip install" in newer.err
    assert "fix: Upgrade Quorum" in (await quorum("doctor")).out
    refused = await quorum("sessions")
    assert (refused.status, "hint: " in refused.err) == (2, True)


async def test_settings_are_shown_with_their_source(tmp_path: Path) -> None:
    quorum = cli_at(tmp_path, {"server": {"port": 9001}}, LOG_LEVEL="ERROR", OPENAI_API_KEY="sk-secret")
    rows = {row["key"]: row for row in (await quorum("config", "show", "--json")).json}
    assert rows["server.port"]["value"] == 9001
    assert "quorum.yaml" in rows["server.port"]["source"]
    assert "LOG_LEVEL" in rows["log_level"]["source"]
    shown = await quorum("config", "show")
    assert "OPENAI_API_KEY" in shown.out
    assert "sk-secret" not in shown.out


async def test_help_is_quick(tmp_path: Path) -> None:
    quorum = cli_at(tmp_path)
    spent: list[float] = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = await quorum("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert all(name in done.out for name in COMMANDS)
    print(f"quorum --help: {min(spent):.3f} s CPU (of {[round(s, 3) for s in spent]})")
    assert min(spent) <= HELP_CPU_SECONDS


async def test_what_is_mistyped_is_answered_with_what_is_near(tmp_path: Path) -> None:
    quorum = cli_at(tmp_path)
    aks = await quorum("aks")
    assert (aks.status, aks.err) == (
        2,
        "error: there is no command 'aks'\nhint: did you mean `quorum ask`?\n",
    )
    question = await quorum("what is it?")
    assert question.err.endswith("hint: try `quorum ask 'what is it?'`\n")
    option = await quorum("ask", "?x", "--pannel", "x")
    assert (option.status, "--panel" in option.err) == (2, True)
    assert (await quorum()).status == 2
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", (await quorum("--version")).out)


def every_command() -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    ctx = click.Context(group)
    for name in COMMANDS:
        one = group.get_command(ctx, name)
        assert one is not None
        found += (
            [(f"{name} {sub}", each) for sub, each in one.commands.items()]
            if isinstance(one, click.Group)
            else []
        )
        if not isinstance(one, click.Group) or one.invoke_without_command:
            found.append((name, one))
    return found


@pytest.mark.parametrize(
    ("name", "one"), every_command(), ids=lambda value: value if isinstance(value, str) else ""
)
async def test_every_command_has_an_example_and_speaks_json(name: str, one: click.Command) -> None:
    assert one.epilog is not None
    assert f"quorum {name.split()[0]}" in one.epilog.partition("Example:")[2]
    assert any("--json" in parameter.opts for parameter in one.params)
    assert all(p.help for p in one.params if isinstance(p, click.Option))


def test_a_terminal_gets_one_live_line_per_seat_and_no_commands_of_a_model(tmp_path: Path) -> None:
    with threaded() as up:
        names = "abcdefgh"
        for name in names:
            up.model(
                name, Say("\x1b]0;owned\x07Two and two.\nCONCLUSION: 4", latency=0.3, drip=0.05, piece=5)
            )
        cli = cli_at(tmp_path, config(up.url))
        panel = ("--panel", ",".join(f"lab/{name}" for name in names), "--exhaustive")
        status, tall = on_a_terminal(cli, 24, 80, "ask", "What is 2 + 2?", *panel)
        assert status == 0
        for name in names:
            assert re.search(rf"lab/{name}: (answers|writes)", tall)
            assert f"lab/{name}: has answered 4" in tall
        assert "\x1b]0;" not in tall
        assert "\N{REPLACEMENT CHARACTER}" in tall
        status, short = on_a_terminal(cli, 6, 80, "ask", "What is 2 + 2?", *panel)
        assert status == 0
        assert "and 5 more" in short
        frames = [frame for frame in re.split(r"\x1b\[2K", short) if "lab/" in frame]
        assert max(frame.count("\n") for frame in frames[:-1]) <= 5
        assert threading.active_count() >= 1


def test_a_terminal_that_gets_both_streams_is_told_once_who_is_no_language_model(tmp_path: Path) -> None:
    asked = ("ask", "What is 17% of 2,340?", "--panel", "builtin/arithmetic")
    status, seen = on_a_terminal(cli_at(tmp_path), 24, 200, *asked)
    assert (status, seen.count("[built-in solvers: builtin/arithmetic")) == (0, 1), seen
    assert "397.8" in seen
