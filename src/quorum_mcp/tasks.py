"""What a model is asked for that is no chat. Texts, images and sounds that it works on are the request's messages."""

from typing import ClassVar, Literal

from msgspec import Struct

TaskName = Literal["embeddings", "images", "speech", "transcriptions", "moderations", "token counts"]
"""What a task is called: in refusals, and where a wire says which of them it has."""


class Embed(Struct, frozen=True, tag="embed", omit_defaults=True):
    """One vector for each text part.

    Attributes:
        dimensions: how long the vectors shall be.
        tokens: inputs that were sent as the vendor's own tokens; then there are no texts.
    """

    name: ClassVar[TaskName] = "embeddings"
    dimensions: int | None = None
    tokens: tuple[tuple[int, ...], ...] = ()


class Draw(Struct, frozen=True, tag="draw", omit_defaults=True):
    """`count` images of what the text describes; `size` is `WIDTHxHEIGHT`, or a vendor's word.

    `form` is how they are wanted: by their address, or as data in the answer.
    """

    name: ClassVar[TaskName] = "images"
    count: int = 1
    size: str | None = None
    form: Literal["url", "b64_json"] | None = None


class Speak(Struct, frozen=True, tag="speak", omit_defaults=True):
    """The text, spoken by a voice of the vendor's. `speed` 1 is the usual one."""

    name: ClassVar[TaskName] = "speech"
    voice: str
    format: str | None = None
    speed: float | None = None


class Transcribe(Struct, frozen=True, tag="transcribe", omit_defaults=True):
    """What is said in the audio. `form` is the shape of the answer in OpenAI's words, such as json or srt."""

    name: ClassVar[TaskName] = "transcriptions"
    file_name: str
    form: str = "json"


class Moderate(Struct, frozen=True, tag="moderate"):
    """Whether each part of the message may be said, by the vendor's own categories.

    `one` is whether the parts are one input, judged together, rather than one input each.
    """

    name: ClassVar[TaskName] = "moderations"
    one: bool = False


class CountTokens(Struct, frozen=True, tag="count_tokens"):
    """How many tokens the request would be read as; nothing is answered."""

    name: ClassVar[TaskName] = "token counts"


Task = Embed | Draw | Speak | Transcribe | Moderate | CountTokens
