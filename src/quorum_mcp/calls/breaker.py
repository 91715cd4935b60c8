"""A circuit breaker per model: after repeated failures of the provider's own making, stop asking for a while."""

import time

from msgspec import Struct

from quorum_mcp.errors import (
    BadProviderAnswer,
    ProviderAuth,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
)

FAILURES = 5
OPEN_SECONDS = 20.0
COUNTED = (ProviderUnavailable, ProviderTimeout, BadProviderAnswer, ProviderAuth)


class Circuit(Struct):
    """One model's circuit: closed while `opened` is None; `probing` lets exactly one call through."""

    failures: int = 0
    opened: float | None = None
    probing: bool = False
    last: ProviderError | None = None


class Breaker:
    """Circuits by `provider/model`, in this process."""

    def __init__(self) -> None:
        self._circuits: dict[str, Circuit] = {}

    def admit(self, name: str) -> str:
        """Let a call pass, or raise the provider's last error again. Returns the state for the trace."""
        circuit = self._circuits.get(name)
        if circuit is None or circuit.opened is None:
            return "closed"
        wait = circuit.opened + OPEN_SECONDS - time.monotonic()
        if wait <= 0 and not circuit.probing:
            circuit.probing = True
            return "half-open, this call is the probe"
        last = circuit.last
        raise type(last or ProviderUnavailable(""))(
            f"{last.message if last else 'failing'} ({circuit.failures} failures in a row; not asked again yet)",
            hint="wait, or name another model",
            provider=last.provider if last else None,
            model=last.model if last else None,
            retry_after=max(wait, 1.0),
            details={"breaker": "open"},
        )

    def succeeded(self, name: str) -> None:
        """The model answered: the circuit closes."""
        self._circuits.pop(name, None)

    def failed(self, name: str, error: Exception) -> None:
        """The model failed; only failures that another caller would meet too are counted."""
        circuit = self._circuits.setdefault(name, Circuit())
        circuit.probing = False
        if not isinstance(error, COUNTED):
            return
        circuit.failures += 1
        circuit.last = error
        if circuit.failures >= FAILURES:
            circuit.opened = time.monotonic()

    def released(self, name: str) -> None:
        """The call was cancelled and says nothing about the model."""
        if circuit := self._circuits.get(name):
            circuit.probing = False

    def state(self, provider: str) -> str:
        """The worst state of a provider's circuits: closed, half-open or open."""
        prefix = provider + "/"
        opened = [c.opened for name, c in self._circuits.items() if name.startswith(prefix) and c.opened]
        if not opened:
            return "closed"
        return "open" if min(opened) + OPEN_SECONDS > time.monotonic() else "half-open"
