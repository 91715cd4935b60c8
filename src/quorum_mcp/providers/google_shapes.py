"""The shapes of Gemini's answers, which every method of a model shares."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from quorum_mcp.answers import Media, Usage
from quorum_mcp.providers.grounding import Grounding
from quorum_mcp.providers.logprobs import LogprobsResult


class FunctionCall(Struct):
    """A call of a function."""

    name: str | None = None
    id: str | None = None
    args: Any = None


class AnswerPart(Struct, rename="camel"):
    """One part of an answer."""

    text: str | None = None
    thought: bool = False
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    inline_data: Any = None
    file_data: Any = None
    executable_code: Any = None
    code_execution_result: Any = None
    tool_call: Any = None
    tool_response: Any = None


class Content(Struct):
    """The parts."""

    parts: list[AnswerPart] = field(default_factory=list)


class Candidate(Struct, rename="camel"):
    """One answer."""

    content: Content | None = None
    finish_reason: str | None = None
    finish_message: str | None = None
    grounding_metadata: Grounding | None = None
    logprobs_result: LogprobsResult | None = None
    index: int = 0


class Modality(Struct, rename="camel"):
    """How many tokens were of one kind: TEXT, IMAGE, AUDIO."""

    modality: str = ""
    token_count: int = 0


class GoogleUsage(Struct, rename="camel"):
    """Usage as Google counts it."""

    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    cached_content_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    prompt_tokens_details: list[Modality] | None = None
    candidates_tokens_details: list[Modality] | None = None

    def usage(self) -> Usage:
        """As our own type; Google counts thoughts beside the answer, we count them in it."""
        thoughts = self.thoughts_token_count or 0
        return Usage(
            input=(self.prompt_token_count or 0) + (self.tool_use_prompt_token_count or 0),
            output=(self.candidates_token_count or 0) + thoughts,
            cached=self.cached_content_token_count or 0,
            reasoning=thoughts,
            media=self._media(),
        )

    def _media(self) -> Media | None:
        """What was no text, None where all of it was."""
        given, made = self.prompt_tokens_details or (), self.candidates_tokens_details or ()
        if all(one.modality == "TEXT" for one in (*given, *made)):
            return None
        return Media(_of(given, "AUDIO"), _of(made, "AUDIO"), _of(given, "IMAGE"), _of(made, "IMAGE"))


def _of(counts: Sequence[Modality], kind: str) -> int:
    return sum(one.token_count for one in counts if one.modality == kind)


class Feedback(Struct, rename="camel"):
    """Why a prompt was blocked."""

    block_reason: str | None = None


class Response(Struct, rename="camel"):
    """The answer to generateContent, or one chunk of its stream."""

    candidates: list[Candidate] | None = None
    prompt_feedback: Feedback | None = None
    usage_metadata: GoogleUsage | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: Any = None
