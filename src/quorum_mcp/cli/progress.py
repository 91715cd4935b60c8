"""Live lines on standard error while a panel works: one per seat, redrawn on a terminal, else as each one ends."""

import os
import sys
from typing import TYPE_CHECKING, Protocol

from quorum_mcp.cli.output import quiet, talk
from quorum_mcp.cli.seats import Seats
from quorum_mcp.events import Event

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

REDRAWS_A_SECOND = 8
WIDEST = 160


class Progress(Protocol):
    """Is shown every event of a run, then closed."""

    def see(self, event: Event) -> None:
        """Show what the event changes."""
        ...

    def close(self) -> None:
        """The run is over, one way or the other."""
        ...


def progress() -> Progress:
    """The kind that fits standard error: live lines on a terminal, plain ones elsewhere, none where not wanted."""
    if quiet():
        return Silent()
    live = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return LiveLines() if live else PlainLines()


class Silent:
    """Shows nothing."""

    def see(self, event: Event) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class PlainLines:
    """A line when a seat has ended."""

    def __init__(self) -> None:
        self._seats = Seats()

    def see(self, event: Event) -> None:
        """Print the line of a seat that has ended, and that a further round begins."""
        round_before = self._seats.round
        ended = self._seats.see(event)
        if self._seats.round != round_before:
            talk(f"round {self._seats.round}")
        if ended is not None:
            talk("  " + ended.text(WIDEST))

    def close(self) -> None:
        """Nothing is left open."""


class LiveLines:
    """One line per seat, redrawn in place; never taller than the screen, which would destroy its history."""

    def __init__(self) -> None:
        self._seats = Seats()
        self._live: Live | None = None

    def see(self, event: Event) -> None:
        """Redraw, at most a few times a second."""
        from rich.console import Console
        from rich.live import Live

        self._seats.see(event)
        if self._live is None:
            console = Console(stderr=True, highlight=False)
            self._live = Live(self, console=console, refresh_per_second=REDRAWS_A_SECOND)
            self._live.start()

    def close(self) -> None:
        """Leave the last state on the screen."""
        if self._live is not None:
            self._live.stop()

    def __rich__(self) -> "Text":
        """The lines as they stand, as many as the screen has room for."""
        from rich.text import Text

        assert self._live is not None
        size = self._live.console.size
        lines = [line.text(size.width - 3) for line in self._seats.lines.values()]
        room = max(1, size.height - 2)
        if len(lines) > room:
            lines = [*lines[: room - 1], f"and {len(lines) - room + 1} more"]
        return Text("\n".join("  " + line for line in lines), no_wrap=True, overflow="ellipsis")
