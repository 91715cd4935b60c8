"""Reading vendors' request bodies: what all dialects do alike."""

import base64
from collections.abc import Mapping
from typing import Any, TypeVar

from quorum_mcp import codec
from quorum_mcp.errors import BadProviderAnswer, InvalidInput, Malformed
from quorum_mcp.messages import Audio, ToolUse

T = TypeVar("T")


def json_of(body: bytes, shape: type[T], what: str, *, partly: bool = False) -> T:
    """The body as `shape`; `what` is whose fields it should have. Read `partly`, it may nest as deeply as it likes.

    Raises:
        Malformed: it is no JSON.
        InvalidInput: a field is unknown, missing, or of the wrong kind.
    """
    try:
        return codec.decode_partly(body, shape) if partly else codec.decode_foreign(body, shape)
    except codec.ShapeError as error:
        raise InvalidInput(str(error), hint=f"fields and their types are those of {what}") from None
    except codec.JSONError as error:
        raise _malformed(error) from None


def check_depth(body: bytes) -> None:
    """Raise `Malformed` where the body nests too deeply."""
    try:
        codec.check_depth(body)
    except codec.JSONError as error:
        raise _malformed(error) from None


def _malformed(error: codec.JSONError) -> Malformed:
    return Malformed(f"the body is not JSON: {error}", hint="check quotes, commas and the encoding (UTF-8)")


def only(given: Mapping[str, Any], known: set[str], where: str) -> None:
    """Raise `InvalidInput` for a name that is not known: nothing is dropped."""
    if unknown := sorted(set(given) - known):
        raise InvalidInput(f"{where}.{unknown[0]} is not known", hint=f"known: {', '.join(sorted(known))}")


def text_of(given: Mapping[str, Any], name: str, where: str) -> str:
    """The text under `name`. Raises `InvalidInput` where there is none."""
    value = given.get(name)
    if not isinstance(value, str):
        raise InvalidInput(f"{where}.{name} is missing or no text")
    return value


def object_of(given: Any, name: str) -> dict[str, Any]:
    """The object under `name`, empty where there is none."""
    value = given.get(name) if isinstance(given, dict) else None
    return value if isinstance(value, dict) else {}


def arguments_of(use: ToolUse) -> dict[str, Any]:
    """The arguments of a tool's call, for the APIs that show them as an object and not as the model's own text.

    Raises `BadProviderAnswer` where the model wrote something else.
    """
    try:
        value = codec.decode(use.arguments or "{}")
    except codec.JSONError:
        value = None
    if not isinstance(value, dict):
        raise BadProviderAnswer(
            f"the model calls {use.name} with arguments that are no JSON object",
            hint="ask again; OpenAI's APIs show what it wrote",
        )
    return value


def audio_of(data: Any, media_type: str, where: str) -> Audio:
    """Sound out of its base64. Raises `InvalidInput` where it is none."""
    try:
        if not isinstance(data, str) or not base64.b64decode(data, validate=True):
            raise InvalidInput(f"{where} is missing or empty")
    except ValueError:
        raise InvalidInput(f"{where} is not base64") from None
    return Audio(media_type, data)
