"""A panel as one model: `quorum/quick`, `quorum/full`, `quorum/devils-advocate`, `quorum/panel:<name>`."""

import time
from collections.abc import AsyncGenerator
from difflib import get_close_matches
from typing import Any

from quorum_mcp import money
from quorum_mcp.access.principal import Principal
from quorum_mcp.answers import Answer, Citation, Delta, ReasoningDelta, TextDelta, Usage
from quorum_mcp.calls.call import Call, Restart, Result
from quorum_mcp.calls.handler import PREFIX
from quorum_mcp.config.settings import Settings
from quorum_mcp.consensus.ops.ask import finished
from quorum_mcp.consensus.plan import Mode
from quorum_mcp.consensus.query import ChatMessage, Query, QueryAnswer
from quorum_mcp.consensus.service import Consensus
from quorum_mcp.errors import ModelNotFound, Unsupported
from quorum_mcp.events import Event
from quorum_mcp.messages import Message, Text
from quorum_mcp.operations.invoke import validate
from quorum_mcp.runs.service import Runs

MODES: dict[str, Mode] = {
    "quorum/quick": "quick_consensus",
    "quorum/full": "full_deliberation",
    "quorum/devils-advocate": "devils_advocate",
}
PANEL = "quorum/panel:"


class VirtualModels:
    """Panels that answer under a model's name."""

    def __init__(self, settings: Settings, consensus: Consensus, runs: Runs) -> None:
        self._settings = settings
        self._consensus = consensus
        self._runs = runs

    def names(self) -> list[str]:
        """The three modes on the default panel, and every named panel in quick mode."""
        return [*MODES, *(PANEL + name for name in self._settings.panels)]

    async def stream(self, call: Call) -> AsyncGenerator[Delta | Restart | Result, None]:
        """Deliberate: progress comes as reasoning, then the answer as text, and last the result.

        A caller that goes away cancels the run.
        """
        began = time.monotonic()
        if call.key is not None:
            call.key.require(call.model)
        query = self._query(call)
        started = await self._consensus.start(query, _principal(call))
        try:
            async for event in self._runs.follow(started.run_id, call.tenant):
                if line := _progress(event):
                    yield ReasoningDelta(line + "\n")
            answer = finished(await self._runs.wait(started.run_id, call.tenant))
        except BaseException:
            await self._runs.cancel(started.run_id, call.tenant)
            raise
        yield TextDelta(answer.consensus or "")
        yield _result(call, answer, time.monotonic() - began)

    def _query(self, call: Call) -> Query:
        request = call.request
        for name in ("tools", "format", "stop", "top_p", "seed", "reasoning_effort"):
            if getattr(request, name):
                raise Unsupported(
                    f"{call.model} takes no {name}", hint="leave it out, or name one provider's model"
                )
        if request.logprobs is not None:
            raise Unsupported(f"{call.model} takes no logprobs", hint="name one provider's model")
        if request.extra is not None:
            raise Unsupported(f"{call.model} takes no {', '.join(request.extra.fields)}", hint="leave it out")
        if request.task is not None:
            raise Unsupported(f"{call.model} has no {request.task.name}", hint="name one provider's model")
        *earlier, last = [_plain(message, call.model) for message in request.messages]
        if last.role != "user":
            raise Unsupported(f"{call.model} answers a user's message", hint="let the last message be one")
        asked: dict[str, Any] = {
            "query": last.content,
            "messages": [message.model_dump() for message in earlier] or None,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "timeout_seconds": min(3600.0, max(1.0, call.remaining())),
            "tags": list(call.tags),
            "tools": ["web_search"] if request.searches else [],
            **self._panel(call.model),
        }
        if call.allowance is not None and call.allowance.strict:
            asked["max_cost"] = money.to_usd(call.allowance.remaining)
        return validate(Query, asked)

    def _panel(self, name: str) -> dict[str, Any]:
        if name in MODES:
            return {"mode": MODES[name]}
        panel = name.removeprefix(PANEL)
        if name.startswith(PANEL) and panel in self._settings.panels:
            return {"panel": panel}
        near = get_close_matches(name, self.names(), 1, 0.4)
        raise ModelNotFound(
            f"no model is called {name!r}",
            hint=f"did you mean {near[0]}?" if near else f"{PREFIX}… names: {', '.join(self.names())}",
        )


def _principal(call: Call) -> Principal:
    """On whose behalf the panel is asked: the call's."""
    owner = call.key.id if call.key is not None else "local"
    return Principal(owner, call.tenant, frozenset({"ask"}), "local" if call.key is None else "key", call.key)


def _plain(message: Message, model: str) -> ChatMessage:
    if message.role == "tool" or any(not isinstance(part, Text) for part in message.parts):
        raise Unsupported(f"{model} takes only text", hint="send images and tools to one provider's model")
    return ChatMessage(role=message.role, content=message.text)


def _progress(event: Event) -> str | None:
    """A line about what happens, for those who show a model's reasoning."""
    data = event.data
    match event.type:
        case "run.started":
            return "asking " + ", ".join(seat["member"] for seat in data["seats"])
        case "call.finished":
            return f"{data['member']} ({data['role']}) answered in {data['latency']:.1f} s"
        case "call.failed":
            return f"{data['member']} ({data['role']}) failed: {(data.get('error') or {}).get('message', '')}"
        case "agreement.measured":
            return f"agreement: {data.get('agreement', 'open question')}"
        case _:
            return None


def _result(call: Call, answer: QueryAnswer, seconds: float) -> Result:
    used = Usage(
        input=sum(one.input_tokens for one in answer.provider_responses),
        output=sum(one.output_tokens for one in answer.provider_responses),
    )
    whole = Answer(
        (Text(answer.consensus or ""),), "stop", used, call.model, simulated=answer.simulated,
        citations=tuple(Citation(one.url, one.title) for one in answer.citations),
    )  # fmt: skip
    return Result(
        id=answer.session_id,
        answer=whole,
        provider="quorum",
        model=call.model.removeprefix(PREFIX),
        simulated=answer.simulated,
        cost=money.from_usd(answer.total_cost) if answer.cost_complete else None,
        estimated=False,
        latency=seconds,
        first_token=None,
        attempts=answer.calls,
        warnings=tuple(answer.warnings),
        extension=answer.model_dump(mode="json", include=SHOWN),
    )


SHOWN = {
    "session_id", "mode", "conclusion", "confidence", "calibration", "agreement", "groups", "points", "citations", "dissent",
    "rounds", "calls", "total_cost", "degraded", "simulated", "warnings",
}  # fmt: skip
"""What of the panel's answer stands in the extension field of a model's answer."""
