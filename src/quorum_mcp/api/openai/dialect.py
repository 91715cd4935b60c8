"""What OpenAI's paths share as dialects of the model routes."""

from typing import Any

from quorum_mcp import codec
from quorum_mcp.answers import Delta
from quorum_mcp.api.model_route import Json
from quorum_mcp.api.openai.failures import error_body
from quorum_mcp.errors import QuorumError
from quorum_mcp.messages import Extra


class OpenAIDialect:
    """The vendor and its errors."""

    vendor = "openai"

    def error(self, error: QuorumError) -> Json:
        """The body of an error."""
        return error_body(error)


class TaskEvents:
    """The stream of a task's answer, but for its end: all of it comes there, as a provider is asked for the whole."""

    media_type = "text/event-stream"

    def start(self) -> bytes:
        """Nothing comes before the answer."""
        return b""

    def delta(self, delta: Delta) -> bytes:  # noqa: ARG002 - the result has what it says
        """Nothing: tasks come in one piece."""
        return b""

    def failed(self, body: Json) -> bytes:
        """The body of an error in the middle of the stream."""
        return event(body)


def event(value: Json, name: str = "") -> bytes:
    """One event, with its name where the vendor writes it before the data."""
    head = f"event: {name}\n" if name else ""
    return head.encode() + b"data: " + codec.encode(value) + b"\n\n"


def passed_on(given: Any, names: tuple[str, ...]) -> Extra | None:
    """The fields that only a provider of the same wire can take, as they are; None where none is set."""
    fields = {name: value for name in names if (value := getattr(given, name)) is not None}
    return Extra("openai", fields) if fields else None
