"""OpenAI's chat completions."""

from quorum_mcp.providers.sim.ask import Ask, Reply
from quorum_mcp.providers.sim.models import find
from quorum_mcp.providers.sim.shapes.shape import (
    BadRequest,
    Json,
    StreamType,
    cap,
    event,
    listed,
    named,
    refuse_tools,
    section,
    stops,
    turn,
)


class OpenAI:
    """`POST /v1/chat/completions`."""

    stream_type: StreamType = "text/event-stream"

    def ask(self, body: Json, model: str | None) -> Ask:
        """The request of a chat completion."""
        refuse_tools(body)
        return Ask(
            model=find(model or named(body)),
            messages=tuple(turn(item.get("role"), item.get("content")) for item in listed(body, "messages")),
            stream=bool(body.get("stream")),
            max_tokens=cap(body, "max_completion_tokens", "max_tokens"),
            json=_format(section(body, "response_format")),
            stop=stops(body, "stop"),
            seed=str(body.get("seed") or ""),
            include_usage=bool(section(body, "stream_options").get("include_usage")),
        )

    def whole(self, reply: Reply) -> Json:
        """A `chat.completion`."""
        message = {"role": "assistant", "content": reply.text, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": reply.stop, "logprobs": None}
        return self._head(reply, "chat.completion") | {"choices": [choice], "usage": _usage(reply)}

    def opening(self, reply: Reply) -> list[bytes]:
        """The chunk with the role."""
        return [self._chunk(reply, {"role": "assistant", "content": ""})]

    def piece(self, reply: Reply, text: str) -> bytes:
        """A chunk of content."""
        return self._chunk(reply, {"content": text})

    def closing(self, reply: Reply, ask: Ask) -> list[bytes]:
        """The finish reason, the usage where it was asked for, the end marker."""
        frames = [self._chunk(reply, {}, reply.stop)]
        if ask.include_usage:
            usage = self._head(reply, "chat.completion.chunk") | {"choices": [], "usage": _usage(reply)}
            frames.append(event(usage))
        return [*frames, b"data: [DONE]\n\n"]

    def error(self, status: int, message: str) -> Json:
        """OpenAI's error object."""
        kinds = {429: "rate_limit_error", 404: "not_found_error", 400: "invalid_request_error"}
        kind = kinds.get(status, "server_error")
        code = {429: "rate_limit_exceeded", 404: "model_not_found"}.get(status)
        return {"error": {"message": message, "type": kind, "param": None, "code": code}, "simulated": True}

    def _chunk(self, reply: Reply, delta: Json, stop: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": stop}
        return event(self._head(reply, "chat.completion.chunk") | {"choices": [choice]})

    def _head(self, reply: Reply, kind: str) -> Json:
        return {
            "id": reply.id,
            "object": kind,
            "created": reply.created,
            "model": reply.model,
            "simulated": True,
        }


def _format(wanted: Json) -> Json | None:
    kind = wanted.get("type")
    if kind == "json_schema":
        schema = section(section(wanted, "json_schema"), "schema")
        if not schema:
            raise BadRequest("response_format.json_schema.schema is missing")
        return schema
    return {} if kind == "json_object" else None


def _usage(reply: Reply) -> Json:
    return {
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
    }
