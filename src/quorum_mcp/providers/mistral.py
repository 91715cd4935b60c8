"""The Mistral wire: chat completions with its own seed field, tool ids and content in chunks."""

import hashlib
import re

from quorum_mcp.errors import Unsupported
from quorum_mcp.messages import PENALTIES, Audio, Message, ModelRequest, Part, Reasoning, ToolUse
from quorum_mcp.providers.bodies import audio_format, refuse_tokens
from quorum_mcp.providers.openai import Json, OpenAIWire
from quorum_mcp.providers.openai_tasks import task_call
from quorum_mcp.providers.wire import Call
from quorum_mcp.tasks import Embed, TaskName

_TOOL_ID = re.compile(r"[A-Za-z0-9]{9}")


class MistralWire(OpenAIWire):
    """Mistral's API; what it shares with OpenAI's is inherited."""

    name = "mistral"
    prefix = "/v1"
    tasks: frozenset[TaskName] = frozenset({"embeddings"})
    also: frozenset[str] = PENALTIES | {"metadata", "prompt_cache_key"}

    def task(self, request: ModelRequest) -> Call:
        """The request of a task."""
        if isinstance(request.task, Embed):
            refuse_tokens(request.task)
        return task_call(request, self.prefix, dimensions="output_dimension")

    def _seed(self, body: Json, request: ModelRequest) -> None:
        if request.seed is not None:
            body["random_seed"] = request.seed

    def _choice_word(self, mode: str) -> str:
        return "any" if mode == "required" else mode

    def _audio(self, audio: Audio) -> Json:
        audio_format(audio)
        return {"type": "input_audio", "input_audio": audio.data}

    def _assistant(self, message: Message) -> Json:
        thoughts = [part for part in message.parts if isinstance(part, Reasoning)]
        plain = Message("assistant", tuple(part for part in message.parts if not isinstance(part, Reasoning)))
        out = super()._assistant(plain)
        for call in out.get("tool_calls", ()):
            call["id"] = _tool_id(call["id"])
        if thoughts:
            # Thinking stands before the text that came of it, as chunks of the same content.
            text = [self._piece(part) for part in plain.parts if not isinstance(part, ToolUse)]
            out["content"] = [_thinking(part) for part in thoughts] + text
        return out

    def _result(self, part: Part) -> Json:
        out = super()._result(part)
        out["tool_call_id"] = _tool_id(out["tool_call_id"])
        return out


def _tool_id(given: str) -> str:
    """Mistral takes only ids of nine letters and digits; those of other vendors are mapped onto such."""
    return given if _TOOL_ID.fullmatch(given) else hashlib.sha256(given.encode()).hexdigest()[:9]


def _thinking(part: Reasoning) -> Json:
    if part.opaque:
        raise Unsupported("Mistral cannot take another vendor's sealed reasoning")
    out: Json = {"type": "thinking", "thinking": [{"type": "text", "text": part.text}]}
    if part.signature:
        out["signature"] = part.signature
    return out
