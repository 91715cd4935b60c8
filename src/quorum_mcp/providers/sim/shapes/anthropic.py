"""Anthropic's messages."""

from quorum_mcp.providers.sim.ask import Ask, Reply
from quorum_mcp.providers.sim.models import find
from quorum_mcp.providers.sim.shapes.shape import (
    Json,
    StreamType,
    cap,
    event,
    listed,
    named,
    refuse_tools,
    section,
    stops,
    text_of,
    turn,
)

_STOPS = {"stop": "end_turn", "length": "max_tokens"}


class Anthropic:
    """`POST /v1/messages`."""

    stream_type: StreamType = "text/event-stream"

    def ask(self, body: Json, model: str | None) -> Ask:
        """The request of a message."""
        refuse_tools(body)
        turns = [turn(item.get("role"), item.get("content")) for item in listed(body, "messages")]
        if body.get("system"):
            turns.insert(0, turn("system", text_of(body["system"])))
        form = section(section(body, "output_config"), "format") or section(body, "output_format")
        return Ask(
            model=find(model or named(body)),
            messages=tuple(turns),
            stream=bool(body.get("stream")),
            max_tokens=cap(body, "max_tokens"),
            stop=stops(body, "stop_sequences"),
            json=form.get("schema") if form.get("type") == "json_schema" else None,
        )

    def whole(self, reply: Reply) -> Json:
        """A `message`."""
        return self._message(reply) | {
            "content": [{"type": "text", "text": reply.text}],
            "stop_reason": _STOPS[reply.stop],
            "usage": {"input_tokens": reply.input_tokens, "output_tokens": reply.output_tokens},
        }

    def opening(self, reply: Reply) -> list[bytes]:
        """The empty message and its empty block of text."""
        usage = {"input_tokens": reply.input_tokens, "output_tokens": 1}
        start = self._message(reply) | {"content": [], "stop_reason": None, "usage": usage}
        block = {"type": "text", "text": ""}
        return [
            _event("message_start", message=start),
            _event("content_block_start", index=0, content_block=block),
        ]

    def piece(self, reply: Reply, text: str) -> bytes:  # noqa: ARG002 - no field of the reply in a delta
        """A delta of text."""
        return _event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})

    def closing(self, reply: Reply, ask: Ask) -> list[bytes]:  # noqa: ARG002 - usage always comes
        """The end of the block, the stop reason with the usage, the end of the message."""
        delta = {"stop_reason": _STOPS[reply.stop], "stop_sequence": None}
        return [
            _event("content_block_stop", index=0),
            _event("message_delta", delta=delta, usage={"output_tokens": reply.output_tokens}),
            _event("message_stop"),
        ]

    def error(self, status: int, message: str) -> Json:
        """Anthropic's error object."""
        kinds = {429: "rate_limit_error", 404: "not_found_error", 400: "invalid_request_error"}
        kind = kinds.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}, "simulated": True}

    def _message(self, reply: Reply) -> Json:
        return {
            "id": reply.id, "type": "message", "role": "assistant", "model": reply.model, "stop_sequence": None,
            "simulated": True,
        }  # fmt: skip


def _event(name: str, **fields: object) -> bytes:
    return event({"type": name, **fields}, name)
