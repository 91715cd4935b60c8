"""How many tokens a text has: exact for OpenAI's models, a measured factor for the others."""

import base64

from quorum_mcp import codec
from quorum_mcp.calls.tokenizer import tokenizer
from quorum_mcp.errors import InvalidInput, Unsupported
from quorum_mcp.messages import (
    Audio,
    Document,
    Image,
    Message,
    ModelRequest,
    Native,
    Reasoning,
    Text,
    Tool,
    ToolResult,
    ToolUse,
)

PER_MESSAGE = 4
PER_IMAGE = 1_600
AUDIO_TOKENS = 32
"""Tokens of a second of sound; Google makes the most of it."""
LEAST_BYTES = 750
"""Bytes of a second of sound at the least, at the lowest rate that speech is packed with."""
TOOLS_FRAME = 600
"""What providers add to a prompt that has tools; Anthropic's instructions are the longest, 530 tokens."""
BOUND_FACTOR = 1.5
"""How many more tokens than OpenAI's tokenizer any common one makes of the same text, at the most."""


def count(text: str) -> int:
    """Tokens of `text` in OpenAI's o200k vocabulary."""
    if not text:
        return 0
    try:
        return tokenizer().count(text)
    except UnicodeEncodeError:  # half a surrogate pair has no UTF-8
        return tokenizer().count(text.encode("utf-8", "replace").decode())


def count_messages(messages: tuple[Message, ...]) -> int:
    """Tokens of a conversation: its texts, a few for each message's frame, a fixed number an image."""
    return sum(PER_MESSAGE + sum(_part(part) for part in message.parts) for message in messages)


def count_request(request: ModelRequest) -> int:
    """Tokens of a prompt with its tools and schema, as OpenAI's vocabulary counts them."""
    tokens = count_messages(request.messages)
    if request.tools:
        tokens += TOOLS_FRAME + sum(_tool(tool) for tool in request.tools)
    if request.format is not None and request.format.schema is not None:
        tokens += PER_MESSAGE + count(codec.encode_text(request.format.schema))
    return tokens


def bound(request: ModelRequest) -> int:
    """A number of tokens that the prompt does not exceed with any common tokenizer, tools and schema included."""
    if request.native is not None:
        return _native_bound(request, request.native)
    return int(count_request(request) * BOUND_FACTOR) + 16


def rough_bound(request: ModelRequest) -> int:
    """As `bound`, without counting: no tokenizer makes more tokens of a text than it has bytes."""
    if request.native is not None:
        return request.native.size + request.native.media * PER_IMAGE + TOOLS_FRAME
    tokens = 16
    for message in request.messages:
        tokens += 2 * PER_MESSAGE
        for part in message.parts:
            if type(part) is Text:
                text = part.text
                tokens += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
            else:
                tokens += int(_part(part) * BOUND_FACTOR)
    if request.tools:
        tokens += TOOLS_FRAME + len(codec.encode(request.tools))
    if request.format is not None and request.format.schema is not None:
        tokens += len(codec.encode(request.format.schema))
    return tokens


def audio_seconds(sound: Audio) -> float:
    """How long a sound is at the most; exact for a WAV file, whose head says how many bytes make a second."""
    size = len(sound.data) * 3 // 4
    head = base64.b64decode(sound.data[:64] + "=" * (-len(sound.data[:64]) % 4))
    rate = int.from_bytes(head[28:32], "little") if head[:4] == b"RIFF" else 0
    return size / (rate or LEAST_BYTES)


def _native_bound(request: ModelRequest, native: Native) -> int:
    try:
        return bound(request.opened())
    except (Unsupported, InvalidInput):  # what only the provider understands: no more tokens than bytes
        return native.size + native.media * PER_IMAGE + TOOLS_FRAME


def _tool(tool: Tool) -> int:
    schema = codec.encode_text(tool.schema)
    return PER_MESSAGE + count(tool.name) + count(tool.description) + count(schema)


def _part(part: object) -> int:
    match part:
        case Text(text) | Reasoning(text):
            return count(text)
        case ToolUse(_, name, arguments):
            return count(name) + count(arguments)
        case ToolResult(_, parts):
            return sum(_part(inner) for inner in parts)
        case Image():
            return PER_IMAGE
        case Audio():
            return int(audio_seconds(part) * AUDIO_TOKENS) + 1
        case Document():
            return len(part.data) * 3 // 4  # its text may be packed: a token for each byte
        case _:
            return 0
