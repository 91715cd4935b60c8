"""A response: the object that whole answers, streams and the store have in common."""

import time
from typing import Any

from quorum_mcp.answers import Usage
from quorum_mcp.api.openai.answer import extension
from quorum_mcp.api.openai.responses.output import items, shown
from quorum_mcp.api.openai.responses.request import SEALED, ResponseRequest
from quorum_mcp.calls.call import Result
from quorum_mcp.ids import new_id

Json = dict[str, Any]
CUT = {"length": "max_output_tokens", "content_filter": "content_filter"}


class Shape:
    """One response on its way: its id, and what of the request stands in it."""

    def __init__(self, asked: ResponseRequest) -> None:
        self.id = new_id("resp")
        self._made = int(time.time())
        self._asked = asked
        self._done: Json | None = None

    def begun(self) -> Json:
        """The response before its answer."""
        return self._head("in_progress", self._asked.model)

    def done(self, result: Result, output: list[Json] | None = None) -> Json:
        """The response with its answer, made once; `output` are its items, where a stream named them already."""
        if self._done is None:
            answer = result.answer
            cut = CUT.get(answer.stop)
            head = self._head("incomplete" if cut else "completed", f"{result.provider}/{result.model}")
            self._done = head | {
                "incomplete_details": {"reason": cut} if cut else None,
                "output": items(self.id, answer) if output is None else output,
                "usage": _usage(answer.usage),
                "completed_at": None if cut else int(time.time()),
                "quorum": extension(result),
            }
        return self._done

    def shown(self, result: Result) -> Json:
        """As `done`, without what the caller did not ask to see."""
        done = self.done(result)
        return done | {"output": shown(done["output"], sealed=SEALED in (self._asked.include or ()))}

    def failed(self, error: Json) -> Json:
        """The response whose call failed."""
        limited = error["error"]["type"] == "rate_limit_error"
        said = {
            "code": "rate_limit_exceeded" if limited else "server_error",
            "message": error["error"]["message"],
        }
        return self._head("failed", self._asked.model) | {"error": said}

    def _head(self, status: str, model: str) -> Json:
        """Every field that the specification wants, with the vendor's default where the caller said nothing."""
        asked = self._asked
        reasoning = asked.reasoning or {}
        return {
            "id": self.id,
            "object": "response",
            "created_at": self._made,
            "completed_at": None,
            "status": status,
            "background": bool(self._asked.background),
            "error": None,
            "incomplete_details": None,
            "instructions": asked.instructions,
            "max_output_tokens": asked.max_output_tokens,
            "max_tool_calls": asked.max_tool_calls,
            "metadata": asked.metadata or {},
            "model": model,
            "output": [],
            "parallel_tool_calls": asked.parallel_tool_calls is not False,
            "presence_penalty": asked.presence_penalty or 0,
            "frequency_penalty": asked.frequency_penalty or 0,
            "previous_response_id": asked.previous_response_id,
            "prompt_cache_key": asked.prompt_cache_key,
            "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
            "safety_identifier": asked.safety_identifier,
            "service_tier": "default",
            "store": asked.store is not False,
            "temperature": 1.0 if asked.temperature is None else asked.temperature,
            "text": (asked.text or {}) | {"format": _format(asked.text or {})},
            "tool_choice": asked.tool_choice or "auto",
            "tools": [_tool(one) for one in asked.tools or ()],
            "top_logprobs": 0,
            "top_p": 1.0 if asked.top_p is None else asked.top_p,
            "truncation": "disabled",
            "usage": None,
        } | ({} if asked.user is None else {"user": asked.user})


def _format(text: Json) -> Json:
    given = text.get("format") or {"type": "text"}
    if given["type"] != "json_schema":
        return given
    return {"description": None} | given | {"strict": bool(given.get("strict"))}


def _tool(given: Json) -> Json:
    if given.get("type") != "function":
        return {"search_context_size": "medium", "user_location": None, "filters": None} | given
    return {"description": None, "parameters": None} | given | {"strict": bool(given.get("strict"))}


def _usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }
