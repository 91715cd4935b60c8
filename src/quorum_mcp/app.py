"""The only place that wires everything: settings in, a running application out."""

import os
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from starlette.types import ASGIApp

from quorum_mcp.access.access import Access
from quorum_mcp.access.master_keys import MasterKeys
from quorum_mcp.access.network import is_loopback
from quorum_mcp.api.mcp.peers import Peers
from quorum_mcp.calls.budgets import Budgets
from quorum_mcp.calls.budgets.keeper import Keeper
from quorum_mcp.calls.budgets.watch import Watch
from quorum_mcp.calls.cache import Cache
from quorum_mcp.calls.guardrails import Guardrails
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
from quorum_mcp.runs.live import Live
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
from quorum_mcp.store.kept_answers import KeptAnswers
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
    async with AsyncExitStack() as stack:  # what was opened last is closed first
        database = await Database.open(settings.database_url)
        stack.push_async_callback(database.close)
        shared: SharedState | None = None
        if settings.redis_url:
            shared = await SharedState.connect(settings.redis_url, namespace=database.id)
            stack.push_async_callback(shared.close)
        journal = await Journal.open(home / "journal", database)
        stack.push_async_callback(journal.close)
        registry = Registry(settings)
        stack.push_async_callback(registry.close)
        await registry.detect()
        access = await Access.open(settings, database, registry)
        stack.push_async_callback(access.close)
        services = _wire(settings, database, journal, registry, shared, access)
        await _start(services, stack, take_over=take_over)
        yield services


async def _start(services: Services, stack: AsyncExitStack, *, take_over: bool) -> None:
    """Start what runs beside the calls; the stack ends it."""
    keeper, calls = services.get(Keeper), services.get(Calls)
    await keeper.start()
    stack.push_async_callback(keeper.stop)
    stack.push_async_callback(calls.limits.close)
    stack.push_async_callback(calls.cache.close)
    if calls.guardrails is not None:
        stack.push_async_callback(calls.guardrails.close)
    stack.push_async_callback(services.get(Runs).close)
    services.get(Notifier).start()
    stack.push_async_callback(services.get(Notifier).stop)
    services.get(Health).start(probe=take_over)
    stack.push_async_callback(services.get(Health).stop)
    services.get(Supervisor).start(take_over=take_over)
    stack.push_async_callback(services.get(Supervisor).stop)


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
    services.add(settings, database, journal, registry, *access.parts)
    services.add(Peers(MasterKeys.of(settings), settings.server.peer_url))
    if shared is not None:
        services.add(shared)
    registry.register(Builtin(), models=("arithmetic", "extract"))
    owner = f"{socket.gethostname()}/{os.getpid()}/{new_id('own')[-6:]}"
    runs = Runs(RunStore(database), EventLog(database), owner, Live(shared))
    files, records = Files(database), Records(database)
    track = Track(Calibrations(database), enabled=settings.consensus.track_record != "off")
    services.add(runs, files, track, records)
    services.add(RunList(database), CallStats(database), Feedback(database), Responses(database))
    services.add(KeptAnswers(database))
    calls = _wire_calls(services, settings, shared)
    consensus = Consensus(settings, registry, calls, runs, files, track, records, access.keys)
    calls.virtual = VirtualModels(settings, consensus, runs)
    services.add(consensus)
    chores = (access.vault.refresh, Upkeep(database, settings.records.retention_days).turn)
    hours = settings.session_timeout_hours
    services.add(Supervisor(runs, hours=hours, recover=journal.recover, chores=chores))
    return services


def _wire_calls(services: Services, settings: Settings, shared: SharedState | None) -> Calls:
    """The pipeline with its stages, and whoever watches it."""
    database, journal, registry = services.get(Database), services.get(Journal), services.get(Registry)
    metrics, vitals = Metrics(), Vitals()
    counts = CallMetrics(metrics, registry)
    budgets = Budgets(settings, database, journal, registry)
    notifier = Notifier(settings, database)
    calls = Calls(
        settings, registry, Ledger(journal), budgets, counts, vitals,
        cache=Cache(settings.cache, shared), limits=Limits(settings, registry, shared),
        guardrails=Guardrails.of(settings),
    )  # fmt: skip
    health = Health(
        registry, vitals, calls.breaker, calls.balance, calls.limits, notifier.outbox, database,
        seconds=settings.health.probe_seconds,
    )  # fmt: skip
    keeper = Keeper(budgets, Watch(budgets, notifier.outbox, database))
    metrics.sources += [CallGauges(calls, registry, counts), RunMetrics(metrics, services.get(Runs))]
    metrics.sources += [journal_gauge(journal), budget_gauges(budgets)]
    services.add(calls, budgets, keeper, notifier, health, metrics)
    return calls


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
