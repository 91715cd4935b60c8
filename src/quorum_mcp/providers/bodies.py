"""Reading JSON bodies: what all wires do alike."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from quorum_mcp.answers import ModelInfo
from quorum_mcp.codec import JSONError, decode, decode_halves
from quorum_mcp.errors import BadProviderAnswer, InvalidInput, ProviderError, Unsupported
from quorum_mcp.messages import Audio, Document, Image, Message, Reasoning, Text, ToolUse
from quorum_mcp.providers.failures import classify
from quorum_mcp.providers.retry import duration
from quorum_mcp.tasks import Embed

AUDIO_FORMATS = {
    "audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3",
}  # fmt: skip
T = TypeVar("T")


def parse(body: bytes, shape: type[T]) -> T:
    """The body as `shape`.

    Raises:
        BadProviderAnswer: it is something else.
    """
    try:
        try:
            return decode(body, shape)
        except JSONError:
            if b"\\ud" not in body.lower():
                raise
            return decode_halves(body, shape)
    except JSONError as error:
        raise BadProviderAnswer(
            f"the answer cannot be read: {error}; it begins {excerpt(body, 120)!r}"
        ) from error


def excerpt(body: bytes, limit: int = 300) -> str:
    """The start of a body, in one line."""
    return " ".join(body[: limit * 4].decode("utf-8", "replace").split())[:limit]


def failure(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The typed error of an answer whose status is not a success, whatever its body is."""
    try:
        value: Any = decode(body)
    except JSONError:
        return classify(status, headers, excerpt(body))
    if isinstance(value, list) and value:
        value = value[0]
    error = value.get("error", value) if isinstance(value, dict) else value
    return error_of(error, status, headers)


def error_of(error: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> ProviderError:
    """The typed error of an error object, in the fields that the vendors use."""
    headers = headers or {}
    if not isinstance(error, dict):
        return classify(status, headers, str(error))
    message = next((str(error[key]) for key in ("message", "detail", "error") if error.get(key)), "")
    words = [str(error[key]) for key in ("code", "type", "status") if error.get(key) not in (None, "")]
    kind = next((word for word in words if not word.isdigit()), words[0] if words else "")
    number = next((int(word) for word in words if word.isdigit() and 400 <= int(word) < 600), None)
    if status < 300 and number is not None:
        status = number
    metadata = error.get("metadata")
    if isinstance(metadata, dict) and metadata.get("raw"):
        message = f"{message}: {str(metadata['raw'])[:300]}"
    return classify(status, headers, message, kind=kind, wait=_google_wait(error.get("details")))


def _google_wait(details: Any) -> float | None:
    """Seconds of a `google.rpc.RetryInfo` among an error's details."""
    rows = details if isinstance(details, list) else []
    for row in rows:
        if isinstance(row, dict) and "retryDelay" in row:
            return duration(str(row["retryDelay"]))
    return None


def model_info(row: Mapping[str, Any], key: str = "id") -> ModelInfo:
    """One row of a list of models; sizes and dates where the vendor tells them."""
    return ModelInfo(
        id=row[key],
        name=_first(row, str, "display_name", "displayName", "name"),
        context_window=_first(
            row,
            int,
            "context_length",
            "max_context_length",
            "max_model_len",
            "max_input_tokens",
            "inputTokenLimit",
        ),
        max_output=_first(
            row, int, "max_completion_tokens", "max_output_tokens", "max_tokens", "outputTokenLimit"
        ),
        created=_first(row, int, "created"),
    )


def _first(row: Mapping[str, Any], kind: type[T], *names: str) -> T | None:
    return next((row[name] for name in names if isinstance(row.get(name), kind)), None)


def arguments(call: ToolUse) -> Any:
    """The arguments of a tool call, for the wires that carry them as an object.

    Raises:
        InvalidInput: the conversation holds arguments that are no JSON.
    """
    try:
        return decode(call.arguments)
    except JSONError as error:
        raise InvalidInput(f"the arguments of tool call {call.id} are no JSON") from error


def system_text(messages: Sequence[Message]) -> str:
    """All system messages as one text, for the wires that keep them apart from the turns.

    Raises:
        Unsupported: one holds something else than text.
    """
    found = [message for message in messages if message.role == "system"]
    if any(not isinstance(part, Text) for message in found for part in message.parts):
        raise Unsupported("a system message holds only text on this wire")
    return "\n\n".join(message.text for message in found)


def open_reasoning(part: Reasoning) -> str:
    """The text of reasoning, for the wires that have no place for a seal on it.

    Raises:
        Unsupported: it carries another vendor's seal.
    """
    if part.signature or part.opaque:
        raise Unsupported("this wire cannot take another vendor's sealed reasoning")
    return part.text


def tool_names(messages: Sequence[Message]) -> dict[str, str]:
    """The name of the tool behind each call's id, for the wires whose results need it."""
    return {part.id: part.name for message in messages for part in message.parts if isinstance(part, ToolUse)}


def refuse_tokens(task: Embed) -> None:
    """Raise `Unsupported` for inputs that are another vendor's tokens."""
    if task.tokens:
        raise Unsupported("this provider takes no tokens as input", hint="send texts")


def url_of(image: Image) -> str:
    """The address of an image that has no data. Raises `Unsupported` where it has none either."""
    if image.url is None:
        raise Unsupported("an image needs data or a URL")
    return image.url


def data_url(part: Document) -> str:
    """A document as the address that holds it."""
    return f"data:{part.media_type};base64,{part.data}"


def audio_format(audio: Audio) -> str:
    """The format of sound as OpenAI's chats call it. Raises `Unsupported` for one that they do not take."""
    found = AUDIO_FORMATS.get(audio.media_type.partition(";")[0].strip().lower())
    if found is None:
        raise Unsupported(f"this wire takes no audio of type {audio.media_type}", hint="wav and mp3")
    return found
