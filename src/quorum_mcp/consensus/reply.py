"""What came back from one call of a deliberation: an answer, or the error that stands in its place."""

from typing import Any, Literal

from msgspec import Struct, structs

from quorum_mcp.answers import Citation
from quorum_mcp.consensus.reading.conclusions import Conclusion

Role = Literal["answer", "critique", "advocate", "defence", "judge", "synthesizer"]


class Reply(Struct, frozen=True, kw_only=True):
    """One call's outcome.

    `seat` is None for judges and writers. Times are seconds; `nanos` is the cost in nanodollars and `cost`
    the same in USD, None where no price is known.
    """

    key: str
    seat: int | None
    member: str
    provider: str
    model: str
    round: int
    role: Role
    status: Literal["ok", "failed", "skipped"]
    text: str = ""
    reasoning: str = ""
    conclusion: Conclusion | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    nanos: int | None = None
    cost: float | None = None
    abstained: bool = False
    latency: float = 0.0
    simulated: bool = False
    call_id: str | None = None
    error: dict[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is an answer."""
        return self.status == "ok"

    def public(self) -> dict[str, Any]:
        """The reply as `provider_responses` shows it."""
        return {
            "member": self.member,
            "seat": self.seat,
            "provider": self.provider,
            "model": self.model,
            "round": self.round,
            "role": self.role,
            "content": self.text,
            "conclusion": self.conclusion.text if self.conclusion else None,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost": self.cost,
            "latency": round(self.latency, 4),
            "status": self.status,
            "abstained": self.abstained,
            "error": self.error,
            "simulated": self.simulated,
            "call_id": self.call_id,
            "citations": [structs.asdict(one) for one in self.citations],
        }
