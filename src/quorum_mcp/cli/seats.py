"""How far each seat of a running question is, told by its events."""

from dataclasses import dataclass, field
from typing import Any

from quorum_mcp.cli.output import shorten, usd
from quorum_mcp.events import Event

TASKS = {
    "answer": "answers",
    "critique": "reviews the others",
    "advocate": "attacks the answer",
    "defence": "answers the attack",
    "judge": "compares the answers",
    "synthesizer": "writes the answer",
}


@dataclass
class Line:
    """One seat, or one judge or writer, at one of its tasks."""

    member: str
    label: str
    task: str
    state: str = "waits"
    written: int = 0
    tail: str = ""

    def text(self, width: int) -> str:
        """The line as it is shown."""
        progress = f"{self.state}, {self.written} characters" if self.state == "writes" else self.state
        shown = f"{self.member}{self.label}: {progress}" + (f"  {self.tail}" if self.tail else "")
        return shorten(shown, width)


@dataclass
class Seats:
    """All lines of a run, seats in their order and then whoever judges or writes."""

    lines: dict[str, Line] = field(default_factory=dict)
    round: int = 1

    def see(self, event: Event) -> Line | None:
        """Take note of an event; the line that has ended with it, if one has."""
        data = event.data
        match event.type:
            case "run.started":
                for seat in data["seats"]:
                    label = _label(simulated=seat["simulated"], builtin=seat.get("builtin", False))
                    self.lines[str(seat["member"])] = Line(str(seat["member"]), label, "answer")
            case "round.started":
                self.round = int(data["round"])
            case "call.started":
                line = self._line(data)
                line.state, line.written, line.tail = TASKS.get(line.task, line.task), 0, ""
            case "call.delta" | "synthesis.delta":
                line = self._line(data)
                line.state, line.written = "writes", int(data["offset"]) + len(str(data["text"]))
            case "call.finished" | "call.failed":
                return self._ended(data)
            case _:
                pass
        return None

    def _line(self, data: dict[str, Any]) -> Line:
        member, task = str(data["member"]), str(data["role"])
        name = member if data["seat"] is not None else f"{member} ({task})"
        line = self.lines.setdefault(name, Line(name, _label(simulated=bool(data.get("simulated"))), task))
        line.task = task
        return line

    def _ended(self, data: dict[str, Any]) -> Line:
        line = self._line(data)
        if data["status"] != "ok":
            line.state, line.tail = "failed", str((data.get("error") or {}).get("message", ""))
            return line
        line.state = {"answer": "abstains" if data.get("abstained") else "has answered"}.get(
            line.task, "is done"
        )
        conclusion = data.get("conclusion")
        text = str(data["text"])
        if data["simulated"]:
            text = text.partition("\n")[2] or text  # a scripted answer begins by saying so, as its label does
        said = str(conclusion["text"]) if conclusion else text
        facts = f"{data['latency']:.1f} s, {usd(data['cost'])}"
        line.tail = f"{shorten(said, 60)}  ({facts})" if line.task in ("answer", "critique") else f"({facts})"
        return line


def _label(*, simulated: bool, builtin: bool = False) -> str:
    return " [simulated]" if simulated else " [built-in solver]" if builtin else ""
