"""Ollama's chat."""

from datetime import UTC, datetime

from quorum_mcp.codec import encode
from quorum_mcp.providers.sim.ask import Ask, Reply
from quorum_mcp.providers.sim.models import find
from quorum_mcp.providers.sim.shapes.shape import (
    Json,
    StreamType,
    cap,
    listed,
    named,
    refuse_tools,
    section,
    stops,
    turn,
)


class Ollama:
    """`POST /api/chat`, which streams unless told otherwise."""

    stream_type: StreamType = "application/x-ndjson"

    def ask(self, body: Json, model: str | None) -> Ask:
        """The request of a chat."""
        refuse_tools(body)
        options = section(body, "options")
        form = body.get("format")
        return Ask(
            model=find(model or named(body)),
            messages=tuple(turn(item.get("role"), item.get("content")) for item in listed(body, "messages")),
            stream=body.get("stream") is not False,
            max_tokens=cap(options, "num_predict"),
            stop=stops(options, "stop"),
            json=form if isinstance(form, dict) else {} if form == "json" else None,
            seed=str(options.get("seed") or ""),
        )

    def whole(self, reply: Reply) -> Json:
        """The whole answer, with its counts."""
        return self._line(reply, reply.text) | _end(reply)

    def opening(self, reply: Reply) -> list[bytes]:  # noqa: ARG002 - streams begin with text
        """Nothing comes before the first text."""
        return []

    def piece(self, reply: Reply, text: str) -> bytes:
        """A line with more text."""
        return encode(self._line(reply, text) | {"done": False}) + b"\n"

    def closing(self, reply: Reply, ask: Ask) -> list[bytes]:  # noqa: ARG002 - usage always comes
        """The line with the counts."""
        return [encode(self._line(reply, "") | _end(reply)) + b"\n"]

    def error(self, status: int, message: str) -> Json:  # noqa: ARG002 - Ollama's errors are a text alone
        """Ollama's error object."""
        return {"error": message, "simulated": True}

    def _line(self, reply: Reply, text: str) -> Json:
        created = datetime.fromtimestamp(reply.created, UTC).isoformat().replace("+00:00", "Z")
        message = {"role": "assistant", "content": text}
        return {"model": reply.model, "created_at": created, "message": message, "simulated": True}


def _end(reply: Reply) -> Json:
    return {
        "done": True, "done_reason": reply.stop, "prompt_eval_count": reply.input_tokens,
        "eval_count": reply.output_tokens, "total_duration": 0, "load_duration": 0,
        "prompt_eval_duration": 0, "eval_duration": 0,
    }  # fmt: skip
