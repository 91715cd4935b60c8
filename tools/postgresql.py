"""A PostgreSQL server of one's own, for tests and benchmarks: made in a moment, on a unix socket, gone afterwards.

A guard process waits beside the server until every process that `hold`s it has ended, however it ended; then
it stops the server and removes its folder.
"""

import fcntl
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

try:
    from tools.needs import found
except ModuleNotFoundError:  # run as a script
    from needs import found

USER = "quorum"
SETTINGS = {
    "listen_addresses": "''",
    "max_connections": "200",
    "shared_buffers": "32MB",
    # What was committed is in the kernel's hands and outlives any death of a process; nothing here outlives
    # the machine.
    "fsync": "off",
    "full_page_writes": "off",
    "max_wal_size": "256MB",
    "deadlock_timeout": "100ms",
}


class Server:
    """A server and its folder; several processes may share it, each through an object of its own."""

    def __init__(self, folder: Path) -> None:
        """`folder` is one that `create` has made."""
        self.folder = folder
        self._held: int | None = None

    @classmethod
    def create(cls) -> "Server":
        """Make a folder with an empty cluster and a guard beside it; `start` comes next."""
        server = cls(Path(tempfile.mkdtemp(prefix="quorum-postgresql-")))
        os.mkfifo(server.folder / "held", 0o600)
        _hand_over(server.folder)
        # Text is compared as English speakers sort it: no code may rely on the order of bytes.
        locale = ("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
        server._run("initdb", "-D", "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync", *locale)
        subprocess.run([sys.executable, __file__, server.folder], check=True)
        server.hold()
        return server

    def hold(self) -> None:
        """Keep the server until this process ends, or `let_go`."""
        self._held = os.open(self.folder / "held", os.O_WRONLY)

    def let_go(self) -> None:
        """This process does not need the server any more; without anybody who does, it goes."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def start(self) -> None:
        """Start the server and return when it accepts connections."""
        options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
        try:
            self._run(
                "pg_ctl", "start", "-w", "-D", "data", "-l", "log", "-o", f"-k '{self.folder}' {options}"
            )
        except RuntimeError as error:
            raise RuntimeError((self.folder / "log").read_text()) from error

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server, breaking its connections; `immediate` is as if it had crashed."""
        if self.pid() is not None:
            self._run("pg_ctl", "stop", "-w", "-D", "data", "-m", mode)

    def pid(self) -> int | None:
        """The server's first process; None where it does not run."""
        try:
            pid = int((self.folder / "data/postmaster.pid").read_text().partition("\n")[0])
            os.kill(pid, 0)
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        return pid

    def url(self, database: str, schema: str = "public") -> str:
        """Where Quorum finds a database of this server."""
        return f"postgresql://{USER}@/{database}?host={self.folder}&search_path={schema}"

    def create_database(self, name: str) -> None:
        """Make an empty database."""
        self._run("createdb", "-h", self.folder, "-U", USER, name)

    def execute(self, database: str, sql: str) -> None:
        """Carry out a statement."""
        quietly = ("-q", "-X", "-v", "ON_ERROR_STOP=1")
        self._run("psql", "-h", self.folder, "-U", USER, "-d", database, *quietly, "-c", sql)

    def cpu_seconds(self) -> float:
        """CPU time of the server's processes that are there, and of those that it has outlived."""
        first, nanoseconds = self.pid(), 0
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if first in (int(folder.name), int(fields[1])):
                    nanoseconds += int((folder / "schedstat").read_text().split()[0])
                if first == int(folder.name):
                    ticks = int(fields[13]) + int(fields[14])
                    nanoseconds += ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
            except (FileNotFoundError, ProcessLookupError):
                continue  # It has ended meanwhile.
        return nanoseconds / 1e9

    def _run(self, program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [_program(program), *arguments], cwd=self.folder, capture_output=True, check=False, **_user()
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed:\n{done.stderr.decode(errors='replace')}")


@contextmanager
def server() -> Generator[Server, None, None]:
    """A server for the length of the context."""
    own = Server.create()
    try:
        own.start()
        yield own
    finally:
        own.stop("immediate")
        own.let_go()


def shared(folder: Path) -> Server:
    """The one server of all processes that name this folder; whoever comes first starts it."""
    with (folder / "postgresql.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        running = Server(Path(lock.read()))
        if running.pid() is not None:
            running.hold()
            return running
        running = Server.create()
        running.start()
        lock.truncate(0)
        lock.write(str(running.folder))
        return running


def _program(name: str) -> Path:
    """The path of one of the server's programs, which are all in one folder."""
    postgres = found("postgresql")
    if postgres is None:
        raise RuntimeError("PostgreSQL is not installed.")
    return postgres.resolve().parent / name


def _account() -> pwd.struct_passwd | None:
    """Whom the server runs as: it refuses to run as root."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _user() -> dict[str, Any]:
    account = _account()
    return {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _hand_over(folder: Path) -> None:
    if account := _account():
        os.chown(folder, account.pw_uid, account.pw_gid)


def _guard(folder: Path) -> None:
    """In the background: wait until nobody holds the server, then remove all of it."""
    if os.fork():
        return
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    with (folder / "held").open("rb") as held:
        held.read()
    Server(folder).stop("immediate")
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _guard(Path(sys.argv[1]))
