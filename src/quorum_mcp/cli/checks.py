"""What `quorum doctor` looks at. Each check says what it found and, where something is wrong, how to mend it."""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from quorum_mcp.errors import ConfigError, QuorumError

if TYPE_CHECKING:
    from quorum_mcp.config.settings import Settings
    from quorum_mcp.providers.registry import Registry

LOW_DISK = 1_000_000_000
NO_DISK = 100_000_000


class Check(Struct, frozen=True):
    """One thing looked at. `warn` works with a limit, `fail` does not work; `fix` says what to do."""

    what: str
    status: Literal["ok", "warn", "fail"]
    found: str
    fix: str | None = None


def configuration(settings: "Settings") -> Iterator[Check]:
    """Which file counts, and which working directory's files do not."""
    yield Check("configuration", "ok", settings.config_file or "no quorum.yaml: defaults and environment")
    here = [name for name in ("quorum.yaml", ".env") if Path(name).is_file()]
    if here and settings.config_file != str(Path("quorum.yaml").absolute()):
        yield Check(
            "working directory", "warn", f"{' and '.join(here)} here count for `quorum serve` only",
            "quorum --config quorum.yaml ask …, or move it to the user's configuration directory",
        )  # fmt: skip
    panels = {name: members for name, members in settings.panels.items() if not members}
    for name in panels:
        yield Check("configuration", "fail", f"panels.{name} is empty", f"name models under panels.{name}")


def keys(settings: "Settings") -> Iterator[Check]:
    """Keys by their names; never a key."""
    from quorum_mcp.providers.catalog import catalog

    for name, vendor in catalog().vendors.items():
        found = [variable for variable in vendor.keys if settings.env.get(variable)]
        if found:
            source = settings.sources.get(found[0], "environment")
            yield Check("keys", "ok", f"{name}: {found[0]} (from {source})")
    for name, entry in settings.providers.items():
        if entry.api_key_env and not settings.env.get(entry.api_key_env):
            yield Check(
                "keys", "fail", f"{name}: {entry.api_key_env} is not set", f"export {entry.api_key_env}=…"
            )


async def providers(registry: "Registry") -> list[Check]:
    """Who can be asked, and the model servers of this machine."""
    checks: list[Check] = []
    for server in await registry.detect():
        models = ", ".join(server.models[:5]) or "no models"
        checks.append(Check("local servers", "ok", f"{server.name}: {models}"))
    if not checks:
        checks.append(Check("local servers", "ok", "none answers on this machine"))
    usable = [d for d in registry.describe() if d.configured and d.kind not in ("builtin", "sim")]
    if usable:
        checks.append(Check("providers", "ok", ", ".join(d.name for d in usable)))
    else:
        checks.append(
            Check("providers", "warn", "no language model can be asked: only the built-in solvers answer",
                  "set a key such as OPENAI_API_KEY, start a local server such as Ollama, or try `quorum demo`")
        )  # fmt: skip
    return checks


async def database(settings: "Settings") -> Check:
    """Whether this version can work on the database as it is."""
    from sqlalchemy.engine import make_url

    from quorum_mcp.store.schema import require_head
    from quorum_mcp.store.upgrade import check

    path = "PostgreSQL"
    try:
        if settings.database_url.startswith("postgres") and not settings.secret_key:
            hint = "openssl rand -hex 32 makes one; give the same to every server"
            return Check("database", "fail", "PostgreSQL needs QUORUM_SECRET_KEY", hint)
        if settings.database_url.startswith("sqlite"):
            path = make_url(settings.database_url).database or ""
            if not Path(path).is_file():  # noqa: ASYNC240 - one look, where nothing else waits
                return Check("database", "ok", f"{path} does not exist yet; its first use makes it")
        state = await check(settings.database_url)
        if state.current is not None:
            require_head(state.current)
    except QuorumError as error:
        return Check("database", "fail", error.message, error.hint)
    except ValueError:
        return Check("database", "fail", "the database URL cannot be read", "check QUORUM_DATABASE_URL")
    return Check("database", "ok", f"{path}, schema {state.current or 'not made yet'}")


async def redis(settings: "Settings") -> Check | None:
    """Whether Redis answers, where one is set; without one there is nothing to look at."""
    if settings.redis_url is None:
        return None
    from quorum_mcp.store.shared_state import SharedState

    try:
        state = await SharedState.connect(settings.redis_url)
    except QuorumError as error:
        return Check("redis", "fail", error.message, error.hint)
    try:
        if not state.up:
            fix = "start it, or check REDIS_URL; until it is there, limits hold per process"
            return Check("redis", "fail", f"does not answer: {state.reason}", fix)
        return Check("redis", "ok", f"answers; {state.processes - 1} processes of Quorum use it")
    finally:
        await state.close()


def disk(settings: "Settings") -> Iterator[Check]:
    """Whether data can be written, and for how long."""
    folder = Path(settings.home)
    existing = next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))
    if not os.access(existing, os.W_OK):
        yield Check("disk", "fail", f"{folder} cannot be written", "set QUORUM_HOME to a folder of yours")
        return
    free = shutil.disk_usage(existing).free
    status = "fail" if free < NO_DISK else "warn" if free < LOW_DISK else "ok"
    fix = None if status == "ok" else "free some disk space, or set QUORUM_HOME to another disk"
    yield Check("disk", status, f"{folder}: {free / 1e9:.1f} GB free", fix)


def port(settings: "Settings") -> Check:
    """Whether `quorum serve` could listen."""
    host, number = settings.server.host, settings.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, number), family=family).close()
    except OSError as error:
        reason = error.strerror or str(error)
        return Check(
            "port",
            "warn",
            f"{host}:{number}: {reason}",
            f"another server may run there; else quorum serve --port {number + 1}",
        )
    return Check("port", "ok", f"{host}:{number} is free")


async def server(url: str, settings: "Settings") -> Check:
    """Whether the server that QUORUM_URL names answers."""
    from quorum_mcp.client.quorum import Quorum

    try:
        async with Quorum(url, settings=settings) as quorum:
            health = (await quorum.invoke("health")).model_dump()
    except QuorumError as error:
        return Check("server", "fail", error.message, error.hint)
    return Check("server", "ok" if health["status"] == "healthy" else "warn", f"{url} is {health['status']}")


def broken(error: ConfigError) -> Check:
    """Settings that cannot be used: nothing else can be looked at then."""
    return Check("configuration", "fail", error.message, error.hint)
