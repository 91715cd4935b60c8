"""What a request cannot use more of, in every measure that models are priced by: tokens, characters, seconds."""

from math import ceil

from quorum_mcp.answers import Media, Usage
from quorum_mcp.calls.tokens import AUDIO_TOKENS, BOUND_FACTOR, PER_IMAGE, audio_seconds
from quorum_mcp.messages import Audio, Image, ModelRequest
from quorum_mcp.tasks import CountTokens, Draw, Embed, Speak, Transcribe

DEFAULT_MAX_TOKENS = 8_192
"""The output cap that counts (and is sent) under a bound on cost when the caller gave none."""
IMAGE_TOKENS = int(PER_IMAGE * BOUND_FACTOR)
"""Tokens of an image in a prompt."""
DRAWN_TOKENS = 10_000
"""Tokens of one image: the dearest of OpenAI's sizes and qualities has 6,240, of Google's 2,520."""
SPOKEN_TOKENS = 2
"""Tokens of sound for each character read aloud: 15 characters take a second at the usual pace, a second 20 tokens."""
WRITTEN_TOKENS = 8
"""Tokens of text for each second listened to: nobody speaks faster than five words a second."""
TOKENS_PER_SEARCH = 20_000
"""What the pages of one web search may add to a prompt. Vendors give no bound: more is booked as an overrun."""


def most(request: ModelRequest, tokens: int, cap: int) -> Usage:
    """The usage that a request does not exceed: `tokens` is a bound of its prompt, `cap` of a chat's answer."""
    match request.task:
        case None:
            choices = 1 if request.native is None else request.native.choices
            searched = tokens + request.searches * TOKENS_PER_SEARCH
            return Usage(searched, cap * choices, searches=request.searches, media=_media(request))
        case CountTokens():
            return Usage()
        case Embed(tokens=given):
            return Usage(tokens + sum(len(one) for one in given))
        case Draw(count=count):
            made = count * DRAWN_TOKENS
            return Usage(tokens, made, media=Media(image_output=made))
        case Speak():
            read = sum(len(text) for text in request.texts)
            made = read * SPOKEN_TOKENS + 100
            return Usage(tokens, made, media=Media(audio_output=made, characters=read))
        case Transcribe():
            heard = _seconds(request)
            media = Media(audio_input=int(heard * AUDIO_TOKENS), seconds=heard)
            return Usage(tokens, int(heard * WRITTEN_TOKENS) + 100, media=media)
        case _:
            return Usage(tokens, media=_media(request))


def _media(request: ModelRequest) -> Media | None:
    """The images and the sound of a prompt, None where there are none."""
    images, heard = 0, 0.0
    for message in request.messages:
        for part in message.parts:
            if type(part) is Image:
                images += 1
            elif type(part) is Audio:
                heard += audio_seconds(part)
    if not images and not heard:
        return None
    return Media(ceil(heard * AUDIO_TOKENS), image_input=images * IMAGE_TOKENS, seconds=heard)


def _seconds(request: ModelRequest) -> float:
    media = _media(request)
    return 0.0 if media is None else media.seconds
