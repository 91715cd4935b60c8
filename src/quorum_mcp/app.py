"""The only place that wires everything: settings in, a running application out."""

import os
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from starlette.types import ASGIApp

from quorum_mcp.access.access import Access
from quorum_mcp.access.network import is_loopback
from quorum_mcp.calls.budgets import Budgets
from quorum_mcp.calls.budgets.keeper import Keeper
from quorum_mcp.calls.budgets.watch import Watch
from quorum_mcp.calls.cache import Cache
from quorum_mcp.calls.health import Vitals
from quorum_mcp.calls.health.service import Health
from quorum_mcp.calls.ledger import Ledger
from quorum_mcp.calls.limits import Limits
from quorum_mcp.calls.metrics import CallGauges, CallMetrics, budget_gauges, journal_gauge
from quorum_mcp.calls.pipeline import Calls
from quorum_mcp.client.quorum import Quorum as Client
from quorum_mcp.client.sync import SyncQuorum as SyncClient
from quorum_mcp.config.bind import uvicorn_host
from quorum_mcp.config.inactive import without_effect
from quorum_mcp.config.load import load
from quorum_mcp.config.settings import Settings
from quorum_mcp.consensus.service import Consensus
from quorum_mcp.consensus.track import Track
from quorum_mcp.consensus.virtual import VirtualModels
from quorum_mcp.errors import ConfigError
from quorum_mcp.ids import new_id
from quorum_mcp.notify.notifier import Notifier
from quorum_mcp.observe.logs import to_stderr
from quorum_mcp.observe.metrics import Metrics
from quorum_mcp.operations.context import Services
from quorum_mcp.providers.builtin.provider import Builtin
from quorum_mcp.providers.registry import Registry
from quorum_mcp.runs.metrics import RunMetrics
from quorum_mcp.runs.service import Runs
from quorum_mcp.runs.supervisor import Supervisor
from quorum_mcp.store.calibrations import Calibrations
from quorum_mcp.store.call_stats import CallStats
from quorum_mcp.store.database import Database
from quorum_mcp.store.event_log import EventLog
from quorum_mcp.store.feedback import Feedback
from quorum_mcp.store.files import Files
from quorum_mcp.store.journal import Journal
from quorum_mcp.store.records import Records
from quorum_mcp.store.responses import Responses
from quorum_mcp.store.run_list import RunList
from quorum_mcp.store.runs import Runs as RunStore
from quorum_mcp.store.shared_state import SharedState
from quorum_mcp.store.upkeep import Upkeep

if TYPE_CHECKING:
    from quorum_mcp.api.mcp.offers import Offers

log = structlog.get_logger()


@asynccontextmanager
async def running(settings: Settings, *, take_over: bool = True) -> AsyncGenerator[Services, None]:
    """Everything that runs behind the surfaces, for as long as the context is open.

    `take_over` is whether runs that dead processes left are resumed here.
    """
    _say_what_has_no_effect(settings)
    _require_secret(settings)
    home = Path(settings.home)
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)  # noqa: ASYNC240 - once, before anything is served
    except OSError as error:
        raise ConfigError(
            f"{home} cannot be made: {error.strerror}", hint="set QUORUM_HOME to a folder of yours"
        ) from None
    database = await Database.open(settings.database_url)
    shared: SharedState | None = None
    try:
        if settings.redis_url:
            shared = await SharedState.connect(settings.redis_url, namespace=database.id)
        journal = await Journal.open(home / "journal", database)
        registry = Registry(settings)
        await registry.detect()
        access = await Access.open(settings, database, registry)
        services = _wire(settings, database, journal, registry, shared, access)
        supervisor = services.get(Supervisor)
        await services.get(Keeper).start()
        services.get(Notifier).start()
        services.get(Health).start(probe=take_over)
        supervisor.start(take_over=take_over)
        try:
            yield services
        finally:
            await supervisor.stop()
            await services.get(Health).stop()
            await services.get(Notifier).stop()
            await services.get(Runs).close()
            await services.get(Calls).cache.close()
            await services.get(Calls).limits.close()
            await access.close()
            await registry.close()
            await services.get(Keeper).stop()
            await journal.close()
    finally:
        if shared is not None:
            await shared.close()
        await database.close()


def _say_what_has_no_effect(settings: Settings) -> None:
    if settings.records.store_content == "none":
        raise ConfigError(
            "records.store_content: none is not supported yet: sessions keep their questions and answers",
            hint="leave it out, or set it to full",
        )
    if keys := without_effect(settings):
        log.warning(
            "config.no_effect", keys=keys, hint="this version reads these settings but does nothing with them"
        )


def _require_secret(settings: Settings) -> None:
    """A database that other machines reach holds nothing that its readers could use."""
    if settings.database_url.startswith(("postgresql", "postgres:")) and not settings.secret_key:
        raise ConfigError(
            "PostgreSQL needs QUORUM_SECRET_KEY: what is secret is encrypted with it before it is stored.",
            hint="Make one, keep it and give it to every server: openssl rand -hex 32",
        )


def _wire(
    settings: Settings,
    database: Database,
    journal: Journal,
    registry: Registry,
    shared: SharedState | None,
    access: Access,
) -> Services:
    services = Services()
    if shared is not None:
        services.add(shared)
    registry.register(Builtin(), models=("arithmetic", "extract"))
    owner = f"{socket.gethostname()}/{os.getpid()}/{new_id('own')[-6:]}"
    runs = Runs(RunStore(database), EventLog(database), owner)
    metrics = Metrics()
    cache = Cache(settings.cache, shared)
    limits = Limits(settings, registry, shared)
    watcher, vitals = CallMetrics(metrics, registry), Vitals()
    budgets = Budgets(settings, database, journal, registry)
    notifier = Notifier(settings, database)
    keeper = Keeper(budgets, Watch(budgets, notifier.outbox, database))
    calls = Calls(settings, registry, Ledger(journal), budgets, watcher, vitals, cache=cache, limits=limits)
    health = Health(
        registry, vitals, calls.breaker, limits, notifier.outbox, database,
        seconds=settings.health.probe_seconds,
    )  # fmt: skip
    metrics.sources += [CallGauges(calls, registry, watcher), RunMetrics(metrics, runs)]
    metrics.sources += [journal_gauge(journal), budget_gauges(budgets)]
    files = Files(database)
    track = Track(Calibrations(database), enabled=settings.consensus.track_record != "off")
    services.add(settings)
    for part in (
        database,
        journal,
        registry,
        runs,
        calls,
        budgets,
        keeper,
        notifier,
        health,
        files,
        track,
        metrics,
    ):
        services.add(part)
    for part in (
        RunList(database),
        Records(database),
        CallStats(database),
        Feedback(database),
        Responses(database),
    ):
        services.add(part)
    for part in access.parts:
        services.add(part)
    consensus = Consensus(settings, registry, calls, runs, files, track, services.get(Records), access.keys)
    calls.virtual = VirtualModels(settings, consensus, runs)
    services.add(consensus)
    chores = (access.vault.refresh, Upkeep(database, settings.records.retention_days).turn)
    hours = settings.session_timeout_hours
    services.add(Supervisor(runs, hours=hours, recover=journal.recover, chores=chores))
    return services


def asgi(
    settings: Settings,
    *,
    loopback_bind: bool,
    services: Services | None = None,
    offers: "Offers | None" = None,
) -> ASGIApp:
    """The ASGI application with everything behind it.

    `services` are ones that run already, `offers` what MCP has besides the product's own tools and resources.
    """
    from quorum_mcp.api.server import build

    def start(settings: Settings) -> AbstractAsyncContextManager[Services]:
        return running(settings) if services is None else nullcontext(services)

    return build(settings, start, loopback_bind=loopback_bind, offers=offers)


def served() -> ASGIApp:
    """The application as another server's command line starts it, such as uvicorn's.

    The bind is judged from that command line; one that cannot be known counts as open to other machines.
    """
    host = uvicorn_host(sys.argv, os.environ)
    settings = load(overrides={"server.host": host}, working_directory=True)
    to_stderr(settings, server=True)
    log.info("config.read", file=settings.config_file or "none: defaults and environment")
    if not is_loopback(host) and settings.bootstrap_key is None:
        log.warning(
            "access.no_key",
            host=host,
            hint="until there is one, every caller gets 401: `quorum keys create`, or set QUORUM_BOOTSTRAP_KEY",
        )
    return asgi(settings, loopback_bind=is_loopback(host))


def _embedded(settings: Settings) -> AbstractAsyncContextManager[Services]:
    """The services for a client of this process, which does not take over what others left unasked."""
    return running(settings, take_over=False)


class Quorum(Client):
    """The client that can also run embedded."""

    start_services = staticmethod(_embedded)


class SyncQuorum(SyncClient):
    """The blocking client that can also run embedded."""

    quorum_class = Quorum
