"""What the machine refuses, and interrupts at any moment: one line of error and a status, never a traceback."""

import asyncio
import re
import signal
import sys
from pathlib import Path

import pytest
from tests.support.cli import Cli, command, ended, interrupted
from tests.support.server import config, environment, write_config

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
FOUR = "Two and two make four.\nCONCLUSION: 4"
INTERRUPT_AT_IMPORT = """
import signal, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
from quorum_mcp.__main__ import main
sys.argv = ["quorum", *{arguments!r}]
main()
"""


def cli_at(home: Path, given: object = "{}", **env: str) -> Cli:
    return Cli(home, environment(home, write_config(home, given), env))  # pyright: ignore[reportArgumentType]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "arguments", [("config", "show"), ("config", "show", "--json"), ("op",), ("--help",)]
)
async def test_a_full_disk_takes_no_output(arguments: tuple[str, ...], tmp_path: Path) -> None:
    quorum = cli_at(tmp_path)
    with Path("/dev/full").open("w") as full:  # noqa: ASYNC230 - a device
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "quorum_mcp", *arguments, env=quorum.env, cwd=quorum.cwd,
            stdin=asyncio.subprocess.DEVNULL, stdout=full, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, err = await child.communicate()
    assert child.returncode == 4
    assert re.fullmatch(r"error: .*No space left on device\nhint: .*\n", err.decode())


async def test_a_session_is_not_written_where_there_is_no_folder(tmp_path: Path) -> None:
    async with command("embedded", tmp_path) as (up, quorum):
        up.model("a", FOUR)
        asked = (await quorum("ask", "What is 2 + 2?", "--panel", "lab/a", "--json")).json
        target = tmp_path / "missing" / "x.html"
        done = await quorum("sessions", "export", asked["session_id"], "-o", str(target), "--json")
    assert (done.status, done.json["error"]["code"]) == (2, "invalid_input")
    assert done.err.startswith(f"error: {target} cannot be written: No such file or directory\nhint: ")


async def test_a_key_that_cannot_be_sent(tmp_path: Path) -> None:
    quorum = cli_at(tmp_path, QUORUM_URL="http://127.0.0.1:9", QUORUM_API_KEY="a\nb")
    done = await quorum("sessions")
    assert (done.status, done.out) == (2, "")
    assert re.fullmatch(r"error: the API key has characters.*\nhint: check QUORUM_API_KEY.*\n", done.err)


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("quorum_mcp.cli.main", ("sessions",), ""),
        ("click", ("sessions",), ""),
        ("quorum_mcp.cli.commands.sessions", ("sessions",), "error: interrupted\n"),
        ("quorum_mcp.config.load", ("ask", "?x"), "error: interrupted\n"),
        ("quorum_mcp.app", ("ask", "?x"), "error: interrupted\n"),
        ("quorum_mcp.app", ("serve", "--port", "0"), "error: interrupted\n"),
        ("quorum_mcp.api.server", ("serve", "--port", "0"), "error: interrupted\n"),
    ],
)
async def test_an_interrupt_while_a_command_is_imported(
    name: str, arguments: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    quorum = cli_at(tmp_path)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", INTERRUPT_AT_IMPORT.format(name=name, arguments=arguments),
        env=quorum.env, cwd=quorum.cwd, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    done = await ended(child)
    assert (done.status, done.out, done.err.lstrip("\n")) == (130, "", says)


async def test_an_interrupt_at_any_moment_of_a_server(tmp_path: Path) -> None:
    quorum = cli_at(tmp_path)
    for moment in range(6):
        child = await quorum.start("serve", "--port", "0")
        await asyncio.sleep(0.3 + 0.15 * moment)
        done = await interrupted(child, signal.SIGINT)
        assert done.status in (0, 130), done.err
        assert "Traceback" not in done.err


async def test_doctor_names_the_setting_that_names_nobody(tmp_path: Path) -> None:
    given = config(
        "http://127.0.0.1:9/v1",
        panels={"default": ["lob/alpha", "lab/alpah", "openai", "builtin/arithmetic"]},
        consensus={"synthesizer": "lab/alpha", "judge": "lba/alpha", "fallback": ["lab/beta", "nobody"]},
        models={"quick": {"provider": "lba", "model_id": "alpha"}, "slow": {"provider": "lab", "model_id": "beta"}},
        fallbacks={"lab/alpha": ["lab/beta", "lbb/beta"]},
    )  # fmt: skip
    given["providers"]["lab"]["models"] = ["alpha", "beta"]
    done = await cli_at(tmp_path, given)("doctor", "--json")
    assert (done.status, done.json["well"]) == (2, False)
    wrong = [c for c in done.json["checks"] if c["status"] == "fail"]
    assert {c["what"] for c in wrong} == {"models"}
    assert [c["found"].partition(":")[0] for c in wrong] == [
        "panels.default", "panels.default", "panels.default", "consensus.judge", "consensus.fallback",
        "models.quick", "fallbacks.lab/alpha",
    ]  # fmt: skip
    assert [c["fix"] for c in wrong[:2]] == ["did you mean lab/alpha?"] * 2
    assert "set OPENAI_API_KEY" in wrong[2]["fix"]
    assert all(c["fix"] for c in wrong)
    asked = await cli_at(tmp_path, given)("ask", "?x", "--dry-run")
    assert (asked.status, "lob/alpha" in asked.err) == (6, True), "what fails there fails here"
