"""Usage as the OpenAI wire and its many vendors report it."""

from msgspec import Struct

from quorum_mcp.answers import Media, Usage
from quorum_mcp.money import from_usd


class _Details(Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


class OpenAIUsage(Struct):
    """Usage as the OpenAI wire has it, with the fields that single vendors add."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    prompt_cache_hit_tokens: int | None = None
    prompt_audio_seconds: float | None = None
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
            media=_media(given, made, self.prompt_audio_seconds or 0.0),
        )

    def _nanos(self) -> int | None:
        if self.cost is not None:
            return from_usd(self.cost)
        # A tick is a ten-billionth of a USD.
        return None if self.cost_in_usd_ticks is None else -(-self.cost_in_usd_ticks // 10)


class TaskUsage(Struct):
    """Usage of images and transcriptions: tokens by kind, or the length of the audio in seconds."""

    input_tokens: int = 0
    output_tokens: int = 0
    input_tokens_details: _Details | None = None
    input_token_details: _Details | None = None
    output_tokens_details: _Details | None = None
    seconds: float | None = None

    def usage(self, *, image: bool = False) -> Usage:
        """As our own type; `image` is whether all of the output is images, where nothing tells its parts."""
        given = self.input_tokens_details or self.input_token_details or _Details()
        made = self.output_tokens_details or _Details(image_tokens=self.output_tokens if image else None)
        media = _media(given, made, self.seconds or 0.0)
        return Usage(self.input_tokens, self.output_tokens, given.cached_tokens or 0, media=media)


def _media(given: _Details, made: _Details, seconds: float = 0.0) -> Media | None:
    """What was no text, None where all of it was."""
    found = Media(
        given.audio_tokens or 0,
        made.audio_tokens or 0,
        given.image_tokens or 0,
        made.image_tokens or 0,
        seconds=seconds,
    )
    return found if found != _NO_MEDIA else None


_NO_MEDIA = Media()
