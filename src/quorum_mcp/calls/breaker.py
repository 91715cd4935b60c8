"""A circuit breaker per model: after failures of the provider's own making, stop asking it for a while.

closed ──(failures)──> open ──(time)──> half-open: one call, the probe, is let through
  ^                      ^                  │
  └──────(it works)──────┴─(it fails)───────┘  open for longer each time

A provider that answers is not down, whatever it answers: a limit, a filter, a refused request close the circuit.
"""

import random
import time
from collections import deque
from collections.abc import Callable
from typing import Literal, Self

from msgspec import Struct, field

from quorum_mcp.errors import (
    BadProviderAnswer,
    ProviderAuth,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
)

COUNTED = (ProviderUnavailable, ProviderTimeout, BadProviderAnswer, ProviderAuth)
FAILURES = 5
"""In a row, that open a circuit where most of the last calls failed."""
AUTH_FAILURES = 2
"""The same of refused keys: they do not pass by themselves."""
WINDOW = 20
"""The last calls that are looked at; so many of which most failed open a circuit without such a row."""
WINDOW_SHARE = 0.7
"""Which share of them must have failed: one call in five failing by chance has rows of failures too."""
WINDOW_SECONDS = 60.0
OPEN_SECONDS = 5.0
"""How long a circuit is open at first; each probe that fails makes it `GROWTH` times as long."""
GROWTH = 1.5
MOST_OPEN_SECONDS = 60.0
JITTER = 0.1
"""Share by which open times vary, so that many processes do not probe at once."""
MOST_TOLD_SECONDS = 3600.0
"""How long a provider's own `Retry-After` keeps a circuit open at most."""
PROBE_SECONDS = 60.0
"""After that a probe that has not come back counts as lost, and another call may try."""
MOST_CIRCUITS = 4096
PATIENCE_SECONDS = 2.0
"""A time-out within this says nothing about the provider: the caller had little time."""

CircuitState = Literal["closed", "half-open", "open"]


class View(Struct, frozen=True):
    """How one model's circuit is, and why. `wait` is the seconds until the next call is let through."""

    model: str
    state: CircuitState
    reason: str | None
    wait: float
    deployment: str | None = None

    def __str__(self) -> str:
        """Which circuit it is."""
        return self.model if self.deployment is None else f"{self.model} at {self.deployment}"


class Circuit(Struct):
    """One model's circuit: closed while `until` is None; `probe` is when a call was let through to try.

    `opened` counts openings since the circuit last held for a while: each makes the next one longer.
    """

    failures: int = 0
    recent: deque[tuple[float, bool]] = field(
        default_factory=lambda: deque[tuple[float, bool]](maxlen=WINDOW)
    )
    until: float | None = None
    opened: int = 0
    closed_at: float = 0.0
    probe: float | None = None
    last: ProviderError | None = None
    reason: str = ""


class Breaker:
    """Circuits by `provider/model` or `provider@deployment/model`, in this process.

    Args:
        clock: seconds, monotonic.
        chance: from 0 to 1.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random
    ) -> None:
        self.now = clock
        self._chance = chance
        self._circuits: dict[str, Circuit] = {}

    def check(self, name: str) -> None:
        """Raise what `admit` would raise, without a call."""
        circuit = self._circuits.get(name)
        if circuit is not None and self.refuses(name):
            raise _refusal(circuit, self.now())

    def admit(self, name: str) -> "Pass":
        """Let a call of a model through: a context in which the call is made, and which sees how it ends.

        Raises:
            ProviderError: the circuit is open; of the kind of the failure that opened it.
        """
        circuit = self._circuits.get(name)
        if circuit is None:
            circuit = self._add(name)
        if circuit.until is None:
            return Pass(self, circuit, probe=False)
        if self.refuses(name):
            raise _refusal(circuit, self.now())
        circuit.probe = self.now()
        return Pass(self, circuit, probe=True)

    def refuses(self, name: str) -> bool:
        """Whether `admit` would raise now."""
        circuit = self._circuits.get(name)
        if circuit is None or circuit.until is None:
            return False
        now = self.now()
        return now < circuit.until or (circuit.probe is not None and now - circuit.probe < PROBE_SECONDS)

    def troubled(self, name: str) -> bool:
        """Whether the last call failed, a moment ago: who has a choice asks another one, unless it wants a probe."""
        circuit = self._circuits.get(name)
        if circuit is None or not circuit.recent or circuit.until is not None:
            return False
        at, good = circuit.recent[-1]
        return not good and self.now() - at < OPEN_SECONDS

    def state(self, endpoint: str) -> CircuitState:
        """The worst state of the circuits of a provider, or of one deployment."""
        states = {view.state for view in self.views(endpoint)}
        return "open" if "open" in states else "half-open" if "half-open" in states else "closed"

    def views(self, endpoint: str) -> list[View]:
        """The circuits of the models that have been asked at a provider with all its deployments, or at one of them."""
        now, found = self.now(), list[View]()
        for name, one in self._circuits.items():
            where, _, model = name.partition("/")
            provider, _, deployment = where.partition("@")
            if endpoint in (where, provider):
                reason = one.reason if one.until else None
                found.append(View(model, _state(one, now), reason, _wait(one, now), deployment or None))
        return found

    def close(self, provider: str) -> None:
        """Close a provider's circuits that refused keys opened: somebody has just seen that its key works."""
        for name, circuit in self._circuits.items():
            if name.startswith(provider + "/") and isinstance(circuit.last, ProviderAuth):
                self.shut(circuit)

    def _add(self, name: str) -> Circuit:
        if len(self._circuits) >= MOST_CIRCUITS:  # callers may make up names of models
            working = [name for name, one in self._circuits.items() if one.until is None]
            for one in working[: MOST_CIRCUITS // 2]:
                del self._circuits[one]
        circuit = self._circuits[name] = Circuit()
        return circuit

    def shut(self, circuit: Circuit) -> None:
        """Close a circuit."""
        if circuit.until is not None:
            circuit.closed_at = self.now()
        circuit.until = circuit.probe = circuit.last = None
        circuit.failures = 0
        circuit.recent.clear()

    def open(self, circuit: Circuit, error: ProviderError) -> None:
        """Open a circuit, for longer if it was open a short while ago."""
        now = self.now()
        if circuit.until is None and now - circuit.closed_at > MOST_OPEN_SECONDS:
            circuit.opened = 0
        usual = min(OPEN_SECONDS * GROWTH**circuit.opened, MOST_OPEN_SECONDS)
        usual *= 1 + JITTER * (2 * self._chance() - 1)
        told = min(error.retry_after or 0.0, MOST_TOLD_SECONDS)
        circuit.until, circuit.probe = now + max(usual, told), None
        circuit.opened = min(circuit.opened + 1, 16)


class Pass:
    """One call that was let through. Leaving its context tells the circuit how the call ended, `answered` before.

    Attributes:
        probe: whether this call tries for all others whether the model works again.
    """

    def __init__(self, breaker: Breaker, circuit: Circuit, *, probe: bool) -> None:
        self.probe = probe
        self._breaker = breaker
        self._circuit = circuit
        self._began = breaker.now()
        self._done = False
        self._probe_at = circuit.probe if probe else None

    def __str__(self) -> str:
        return "half-open, this call is the probe" if self.probe else "closed"

    def __enter__(self) -> Self:
        """The call begins."""
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """The call has ended, so."""
        self.ended(error)

    def ended(self, error: BaseException | None) -> None:
        """The call has ended; `error` is how, None for an answer."""
        if self._done:
            return
        if error is None:
            self.answered()
        elif isinstance(error, ProviderError):
            self._failed(error)
        else:  # cancelled, or a limit, a budget, a deadline of ours: the provider was not even asked
            self._release()

    def leaves(self) -> float:
        """The request leaves now, after all waiting; returns when that is."""
        self._began = self._breaker.now()
        return self._began

    def answered(self) -> None:
        """The model answered; what comes after that says nothing about it."""
        self._done = True
        circuit = self._circuit
        if circuit.until is None:
            circuit.failures = 0
            circuit.recent.append((self._breaker.now(), True))
        elif self._is_probe:  # what left before the circuit opened says nothing about now
            self._breaker.shut(circuit)

    def _failed(self, error: ProviderError) -> None:
        """Only what another caller would meet too counts against the model."""
        if isinstance(error, ProviderTimeout) and self._breaker.now() - self._began < PATIENCE_SECONDS:
            self._release()
        elif not isinstance(error, COUNTED):
            self.answered()
        elif self._is_probe:
            self._circuit.failures += 1
            self._blame(error, f"{self._circuit.failures} failures in a row")
        elif self._circuit.until is None:
            self._count(error)

    def _release(self) -> None:
        if self._is_probe:
            self._circuit.probe = None

    @property
    def _is_probe(self) -> bool:
        """Whether this call is the probe still: one that took too long has been replaced."""
        return self.probe and self._circuit.probe == self._probe_at

    def _count(self, error: ProviderError) -> None:
        circuit, now = self._circuit, self._breaker.now()
        circuit.failures += 1
        circuit.recent.append((now, False))
        last = [good for at, good in circuit.recent if now - at <= WINDOW_SECONDS]
        failed, mostly = last.count(False), last.count(False) >= WINDOW_SHARE * len(last)
        refused = isinstance(error, ProviderAuth) and circuit.failures >= AUTH_FAILURES
        if refused or (mostly and circuit.failures >= FAILURES):
            self._blame(error, f"{circuit.failures} failures in a row")
        elif mostly and len(last) == WINDOW:
            self._blame(error, f"{failed} of the last {len(last)} calls failed")

    def _blame(self, error: ProviderError, reason: str) -> None:
        self._circuit.last, self._circuit.reason = error, reason
        self._breaker.open(self._circuit, error)


def _refusal(circuit: Circuit, now: float) -> ProviderError:
    last = circuit.last
    return type(last or ProviderUnavailable(""))(
        f"{last.message if last else 'failing'} ({circuit.reason}; not asked again yet)",
        hint="wait, or name another model",
        provider=last.provider if last else None,
        model=last.model if last else None,
        retry_after=max(_wait(circuit, now), 1.0),
        details={"breaker": "open"},
    )


def _state(circuit: Circuit, now: float) -> CircuitState:
    if circuit.until is None:
        return "closed"
    return "open" if now < circuit.until else "half-open"


def _wait(circuit: Circuit, now: float) -> float:
    return 0.0 if circuit.until is None else max(circuit.until - now, 0.0)
