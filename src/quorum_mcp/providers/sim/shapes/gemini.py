"""Google Gemini's generateContent."""

from quorum_mcp.messages import Message
from quorum_mcp.providers.sim.ask import Ask, Reply
from quorum_mcp.providers.sim.models import find
from quorum_mcp.providers.sim.shapes.shape import (
    BadRequest,
    Json,
    StreamType,
    cap,
    event,
    listed,
    refuse_tools,
    section,
    stops,
    turn,
)

_STOPS = {"stop": "STOP", "length": "MAX_TOKENS"}
_STATUSES = {429: "RESOURCE_EXHAUSTED", 404: "NOT_FOUND", 400: "INVALID_ARGUMENT", 503: "UNAVAILABLE"}


class Gemini:
    """`POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent?alt=sse`."""

    stream_type: StreamType = "text/event-stream"

    def ask(self, body: Json, model: str | None) -> Ask:
        """The request of a content; whether it streams stands in the path, so the caller says it."""
        refuse_tools(body)
        if not model:
            raise BadRequest("the path names no model")
        turns: list[Message] = []
        if system := section(body, "systemInstruction", "system_instruction"):
            turns.append(turn("system", system.get("parts")))
        turns += [turn(item.get("role", "user"), item.get("parts")) for item in listed(body, "contents")]
        config = section(body, "generationConfig", "generation_config")
        schema = section(config, "responseJsonSchema", "responseSchema")
        wants_json = config.get("responseMimeType") == "application/json"
        return Ask(
            model=find(model),
            messages=tuple(turns),
            stream=False,
            max_tokens=cap(config, "maxOutputTokens"),
            stop=stops(config, "stopSequences"),
            json=schema or ({} if wants_json else None),
            seed=str(config.get("seed") or ""),
        )

    def whole(self, reply: Reply) -> Json:
        """A response with one candidate."""
        return self._response(reply, reply.text, last=True)

    def opening(self, reply: Reply) -> list[bytes]:  # noqa: ARG002 - streams begin with text
        """Nothing comes before the first text."""
        return []

    def piece(self, reply: Reply, text: str) -> bytes:
        """A response with more text."""
        return event(self._response(reply, text, last=False))

    def closing(self, reply: Reply, ask: Ask) -> list[bytes]:  # noqa: ARG002 - usage always comes
        """A response with the finish reason and the usage."""
        return [event(self._response(reply, "", last=True))]

    def error(self, status: int, message: str) -> Json:
        """Google's error object."""
        error = {"code": status, "message": message, "status": _STATUSES.get(status, "INTERNAL")}
        return {"error": error, "simulated": True}

    def _response(self, reply: Reply, text: str, *, last: bool) -> Json:
        candidate: Json = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
        if last:
            candidate["finishReason"] = _STOPS[reply.stop]
        output = reply.output_tokens if last else 0
        usage = {
            "promptTokenCount": reply.input_tokens,
            "candidatesTokenCount": output,
            "totalTokenCount": reply.input_tokens + output,
        }
        return {
            "candidates": [candidate], "usageMetadata": usage, "modelVersion": reply.model, "responseId": reply.id,
            "simulated": True,
        }  # fmt: skip
