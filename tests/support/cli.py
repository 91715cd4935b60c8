"""The `quorum` command as a process, with nothing of the user's own set-up."""

import asyncio
import fcntl
import json
import os
import pty
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.server import Config, config, environment, serving, write_config
from tests.support.upstream import Upstream, upstream

COMMAND = (sys.executable, "-m", "quorum_mcp")


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON value."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Cli:
    """Runs `quorum` with the configuration of `home`, in the empty folder `home`/cwd."""

    home: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def cwd(self) -> Path:
        """The working directory of the commands."""
        folder = self.home / "cwd"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    async def start(self, *arguments: str, piped: bool = False) -> asyncio.subprocess.Process:
        """Begin a command; standard input is empty unless `piped`."""
        pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        return await asyncio.create_subprocess_exec(
            *COMMAND, *arguments, env=self.env, cwd=self.cwd, stdin=pipe if piped else null, stdout=pipe, stderr=pipe
        )  # fmt: skip

    async def __call__(self, *arguments: str, stdin: str | bytes | None = None) -> Done:
        """Run a command to its end."""
        child = await self.start(*arguments, piped=stdin is not None)
        return await ended(child, stdin.encode() if isinstance(stdin, str) else stdin)


async def ended(child: asyncio.subprocess.Process, stdin: bytes | None = None) -> Done:
    """What came out, once the command has ended; it is killed when the test gives up."""
    try:
        out, err = await child.communicate(stdin)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert child.returncode is not None
    return Done(child.returncode, out.decode(), err.decode())


async def interrupted(child: asyncio.subprocess.Process, how: signal.Signals) -> Done:
    """Send a signal and wait for the end."""
    os.kill(child.pid, how)
    return await ended(child)


def on_a_terminal(cli: Cli, rows: int, columns: int, *arguments: str) -> tuple[int, str]:
    """A command's status and all that a terminal of that size got from it."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cli.cwd)
        os.execve(COMMAND[0], [*COMMAND, *arguments], cli.env | {"TERM": "xterm"})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    got = b""
    try:
        while part := os.read(terminal, 65536):
            got += part
    except OSError:
        pass  # Linux reports the other end's closing as an error
    finally:
        os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), got.decode()


@asynccontextmanager
async def command(where: str, home: Path, **more: Any) -> AsyncIterator[tuple[Upstream, Cli]]:
    """The command, embedded or with a server to use, over an upstream without models; `more` goes to `config`."""
    async with upstream() as up:
        given: Config = config(up.url, **more)
        cli = Cli(home / "client", environment(home / "client", write_config(home / "client", given), {}))
        if where == "embedded":
            yield up, cli
            return
        async with serving(home / "server", given) as rest:
            cli.env["QUORUM_URL"] = rest.url
            yield up, cli
