"""What an API's shape is: a translation between its bodies and ours."""

from typing import Any, Literal, Protocol

from quorum_mcp.codec import encode
from quorum_mcp.messages import Message, Role, message
from quorum_mcp.providers.sim.ask import Ask, Reply

Json = dict[str, Any]
StreamType = Literal["text/event-stream", "application/x-ndjson"]
_ROLES: dict[str, Role] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant", "model": "assistant",
    "tool": "tool", "function": "tool",
}  # fmt: skip


class BadRequest(ValueError):
    """The request cannot be understood, or asks for what the simulated panel does not do."""


class Shape(Protocol):
    """One provider's API."""

    stream_type: StreamType

    def ask(self, body: Json, model: str | None) -> Ask:
        """The request in a body; `model` is the name in the path, where the API has it there."""
        ...

    def whole(self, reply: Reply) -> Json:
        """The whole answer."""
        ...

    def opening(self, reply: Reply) -> list[bytes]:
        """What a stream begins with."""
        ...

    def piece(self, reply: Reply, text: str) -> bytes:
        """More text of a stream."""
        ...

    def closing(self, reply: Reply, ask: Ask) -> list[bytes]:
        """What a stream ends with, usage among it."""
        ...

    def error(self, status: int, message: str) -> Json:
        """The body of an error."""
        ...


def event(data: Json, name: str | None = None) -> bytes:
    """One server-sent event."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + encode(data) + b"\n\n"


def turn(role: object, content: object) -> Message:
    """A message of text; raises `BadRequest` for content that a scripted model cannot read."""
    if not isinstance(role, str) or role not in _ROLES:
        raise BadRequest(f"unknown role {role!r}")
    return message(_ROLES[role], text_of(content))


def text_of(content: object) -> str:
    """The text of a message's content, a string or parts of type text."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise BadRequest("the content of a message is neither text nor a list of parts")
    return "".join(_part(part) for part in content)


def _part(part: object) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, dict) and isinstance(text := part.get("text"), str):
        return text
    kind = part.get("type") if isinstance(part, dict) else type(part).__name__
    raise BadRequest(f"simulated models read only text, not {kind!r}")


def listed(body: Json, name: str) -> list[Json]:
    """A non-empty list of objects in the body."""
    value = body.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise BadRequest(f"{name} is missing, empty or no list of objects")
    return value


def section(body: Json, *names: str) -> Json:
    """The first of the named objects that the body has; an empty one if none."""
    for name in names:
        if (value := body.get(name)) is not None:
            if not isinstance(value, dict):
                raise BadRequest(f"{name} is no object")
            return value
    return {}


def cap(body: Json, *names: str) -> int | None:
    """The first of the named token caps that the body has."""
    for name in names:
        if (value := body.get(name)) is not None:
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise BadRequest(f"{name} is no positive integer")
            return value
    return None


def stops(body: Json, name: str) -> tuple[str, ...]:
    """The stop sequences of the body: one text, or a list of them."""
    value = body.get(name) or []
    return (value,) if isinstance(value, str) else tuple(str(text) for text in value)


def named(body: Json) -> str:
    """The model of the body."""
    value = body.get("model")
    if not isinstance(value, str) or not value:
        raise BadRequest("model is missing")
    return value


def refuse_tools(body: Json) -> None:
    """Refuse what would otherwise be dropped silently."""
    if body.get("tools"):
        raise BadRequest("simulated models call no tools")
