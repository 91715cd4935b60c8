"""Alerts when a provider changes for the worse, and when it has been well again for a while."""

from collections import deque
from collections.abc import Awaitable, Callable

import structlog
from msgspec import Struct, structs
from sqlalchemy import Connection

from quorum_mcp.calls.health.verdict import Cause, Verdict
from quorum_mcp.events import AlertKind
from quorum_mcp.observe.repeating import Repeating
from quorum_mcp.store.alerts import Alert, Outbox
from quorum_mcp.store.clock import now_us
from quorum_mcp.store.database import Database

LOOK_SECONDS = 2.0
QUIET_SECONDS = 300.0
"""Within this time an alert is not repeated by another process that sees the same."""
HOLD_SECONDS = 60.0
"""How long a provider must be well before that is told; each relapse doubles it, up to `MOST_HOLD_SECONDS`."""
MOST_HOLD_SECONDS = 1800.0
NEAR, FAR = 0.1, 0.5
"""A limit is nearly used up below the first share of it; above the second it has recovered."""
NEAR_SECONDS = 30.0
"""How long it must stay so: a burst that uses a minute's worth and is over is no news."""

MOST_WAITING = 100

KINDS: dict[Cause, AlertKind] = {
    "down": "provider.down",
    "errors": "provider.errors",
    "slow": "provider.slow",
}
WORSE: dict[AlertKind | None, int] = {None: 0, "provider.slow": 1, "provider.errors": 2, "provider.down": 3}
STATES: tuple[AlertKind, ...] = (*KINDS.values(), "provider.recovered")

log = structlog.get_logger()


class Look(Struct, frozen=True):
    """One look at a provider: how it does, and the smallest share that is left of its limits (None: no limit)."""

    provider: str
    verdict: Verdict
    left: float | None = None


class _Known(Struct):
    """What was told of a provider: the alert that stands, since when it has been well, how often it relapsed."""

    told: AlertKind | None = None
    well: float | None = None
    hold: float = HOLD_SECONDS
    recovered: float = 0.0
    near: float | None = None
    near_told: bool = False


class Monitor:
    """Looks at all providers now and then.

    Args:
        look: how every provider does now.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        look: Callable[[], Awaitable[list[Look]]],
        outbox: Outbox,
        database: Database,
        clock: Callable[[], float],
    ) -> None:
        self._look = look
        self._outbox = outbox
        self._database = database
        self._now = clock
        self._known: dict[str, _Known] = {}
        self._waiting: deque[Alert] = deque(maxlen=MOST_WAITING)
        self.work = Repeating("health: monitor", self.look, LOOK_SECONDS)

    async def look(self) -> list[Alert]:
        """Look once; returns the alerts that were stored."""
        now, new = self._now(), list[Alert]()
        for one in await self._look():
            known = self._known.setdefault(one.provider, _Known())
            new += [
                found for found in (_state(one, known, now), _quota(one, known, now)) if found is not None
            ]
        self._waiting += new
        stored: list[Alert] = []
        while self._waiting:  # what a database that is away did not take is stored when it is back
            if await self._store(structs.replace(self._waiting[0], at=now_us())):
                stored.append(self._waiting[0])
            self._waiting.popleft()
        return stored

    async def _store(self, alert: Alert) -> bool:
        group = STATES if alert.kind in STATES else (alert.kind,)

        def body(conn: Connection) -> bool:
            return self._outbox.put_once(conn, alert, seconds=QUIET_SECONDS, group=group)

        stored = await self._database.write(body)
        if stored:
            log.warning("health.alert", kind=alert.kind, subject=alert.subject, message=alert.message)
        return stored


def _state(one: Look, known: _Known, now: float) -> Alert | None:
    kind = KINDS[one.verdict.cause] if one.verdict.cause is not None else None
    if kind is not None:
        known.well = None
        if WORSE[kind] <= WORSE[known.told]:
            return None
        if known.told is None and known.recovered:
            relapsed = now - known.recovered < 10 * known.hold
            known.hold = min(known.hold * 2, MOST_HOLD_SECONDS) if relapsed else HOLD_SECONDS
        known.told = kind
        return _alert(one, kind, f"{one.provider}: {one.verdict.reason}")
    if known.told is None:
        return None
    known.well = now if known.well is None else known.well
    if now - known.well < known.hold:
        return None
    known.told, known.well, known.recovered = None, None, now
    return _alert(one, "provider.recovered", f"{one.provider} works again")


def _quota(one: Look, known: _Known, now: float) -> Alert | None:
    if one.left is None or one.left >= FAR:
        known.near, known.near_told = None, False
    elif one.left <= NEAR:
        known.near = now if known.near is None else known.near
        if not known.near_told and now - known.near >= NEAR_SECONDS:
            known.near_told = True
            message = f"{one.provider}: {max(one.left, 0):.0%} of a limit is left"
            return _alert(one, "quota.near", message, left=one.left)
    elif not known.near_told:
        known.near = None
    return None


def _alert(one: Look, kind: AlertKind, message: str, **figures: float) -> Alert:
    return Alert(
        kind=kind,
        subject=one.provider,
        provider=one.provider,
        message=message,
        data={"status": one.verdict.status, "model": None, "figures": figures},
    )
