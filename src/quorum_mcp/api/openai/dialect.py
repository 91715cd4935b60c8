"""What OpenAI's paths share as dialects of the model routes."""

from typing import Any

from quorum_mcp.api.model_route import Json
from quorum_mcp.api.openai.failures import error_body
from quorum_mcp.errors import QuorumError, Unsupported
from quorum_mcp.messages import Extra


class OpenAIDialect:
    """The vendor and its errors."""

    vendor = "openai"

    def error(self, error: QuorumError) -> Json:
        """The body of an error."""
        return error_body(error)


def passed_on(given: Any, names: tuple[str, ...]) -> Extra | None:
    """The fields that only a provider of the same wire can take, as they are; None where none is set."""
    fields = {name: value for name in names if (value := getattr(given, name)) is not None}
    return Extra("openai", fields) if fields else None


def no_streams(stream: bool | None, what: str) -> None:
    """Raise `Unsupported` where a stream is asked for and there is none."""
    if stream:
        raise Unsupported(f"stream: {what} are not streamed", hint="leave stream out")
