"""A response: the object that whole answers, streams and the store have in common."""

import time
from typing import Any

from quorum_mcp.answers import Answer, Usage
from quorum_mcp.api.openai.answer import extension
from quorum_mcp.api.openai.responses.request import ResponseRequest
from quorum_mcp.calls.call import Result
from quorum_mcp.ids import new_id
from quorum_mcp.messages import Part, Reasoning, Text, ToolUse

Json = dict[str, Any]


class Shape:
    """One response on its way: its id, and what of the request stands in it."""

    def __init__(self, asked: ResponseRequest) -> None:
        self.id = new_id("resp")
        self._made = int(time.time())
        self._asked = asked

    def begun(self) -> Json:
        """The response before its answer."""
        return self._head("in_progress", self._asked.model)

    def done(self, result: Result, output: list[Json] | None = None) -> Json:
        """The response with its answer; `output` are its items, where a stream named them already."""
        answer = result.answer
        cut = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(answer.stop)
        return self._head("incomplete" if cut else "completed", f"{result.provider}/{result.model}") | {
            "incomplete_details": {"reason": cut} if cut else None,
            "output": items(answer) if output is None else output,
            "usage": _usage(answer.usage),
            "completed_at": time.time(),
            "quorum": extension(result),
        }

    def failed(self, error: Json) -> Json:
        """The response whose call failed."""
        said = {"code": "server_error", "message": error["error"]["message"]}
        return self._head("failed", self._asked.model) | {"error": said}

    def _head(self, status: str, model: str) -> Json:
        asked = self._asked
        return {
            "id": self.id,
            "object": "response",
            "created_at": self._made,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": asked.instructions,
            "max_output_tokens": asked.max_output_tokens,
            "metadata": asked.metadata or {},
            "model": model,
            "output": [],
            "parallel_tool_calls": asked.parallel_tool_calls is not False,
            "previous_response_id": asked.previous_response_id,
            "reasoning": {"effort": (asked.reasoning or {}).get("effort"), "summary": None},
            "store": asked.store is not False,
            "temperature": asked.temperature,
            "text": asked.text or {"format": {"type": "text"}},
            "tool_choice": asked.tool_choice or "auto",
            "tools": asked.tools or [],
            "top_p": asked.top_p,
            "truncation": "disabled",
            "usage": None,
            "user": asked.user,
        }


def items(answer: Answer) -> list[Json]:
    """The answer's parts as output items."""
    return [item for part in answer.parts if (item := item_of(part)) is not None]


def item_of(part: Part, id: str | None = None, *, status: str = "completed") -> Json | None:  # noqa: A002 - the field
    """One part as an output item; None for one that says nothing."""
    match part:
        case Text(text):
            content = [text_part(text)] if text else []
            item = {"id": id or new_id("msg"), "type": "message", "role": "assistant", "status": status}
            return item | {"content": content} if text or status != "completed" else None
        case Reasoning(text):
            summary = [{"type": "summary_text", "text": text}] if text else []
            return {"id": id or new_id("rs"), "type": "reasoning", "summary": summary} if text or id else None
        case ToolUse(call_id, name, arguments):
            item = {"id": id or new_id("fc"), "type": "function_call", "status": status}
            return item | {"call_id": call_id, "name": name, "arguments": arguments}
        case _:
            raise TypeError(f"a model does not answer with a {type(part).__name__}")


def text_part(text: str) -> Json:
    """A text as a part of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }
