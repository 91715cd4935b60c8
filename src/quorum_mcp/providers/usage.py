"""Usage as the OpenAI wire and its many vendors report it."""

from msgspec import Struct

from quorum_mcp.answers import Usage
from quorum_mcp.money import from_usd


class _Details(Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class OpenAIUsage(Struct):
    """Usage as the OpenAI wire has it, with the fields that single vendors add."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    prompt_cache_hit_tokens: int | None = None
    cost: float | None = None
    cost_in_usd_ticks: int | None = None

    def usage(self) -> Usage:
        """As our own type; `output` always holds the reasoning tokens."""
        prompt, completion = self.prompt_tokens or 0, self.completion_tokens or 0
        given = self.prompt_tokens_details or _Details()
        made = self.completion_tokens_details or _Details()
        reasoning = made.reasoning_tokens or 0
        # Some vendors count reasoning beside the completion: their total shows it.
        if reasoning and self.total_tokens == prompt + completion + reasoning:
            completion += reasoning
        return Usage(
            input=prompt,
            output=completion,
            cached=given.cached_tokens or self.prompt_cache_hit_tokens or 0,
            cache_write=given.cache_write_tokens or 0,
            reasoning=reasoning,
            cost=self._nanos(),
        )

    def _nanos(self) -> int | None:
        if self.cost is not None:
            return from_usd(self.cost)
        # A tick is a ten-billionth of a USD.
        return None if self.cost_in_usd_ticks is None else -(-self.cost_in_usd_ticks // 10)
