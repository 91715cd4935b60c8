"""The conversation that every seat gets: earlier turns, documents as quoted data, the question last."""

import base64
import binascii
from collections.abc import Sequence

from msgspec import Struct

from quorum_mcp.consensus.query import MAX_FILE, Query, Upload
from quorum_mcp.errors import InvalidInput
from quorum_mcp.messages import Document, Image, Message, Part, Text, message
from quorum_mcp.providers.builtin.prompt import Document as Quoted
from quorum_mcp.providers.builtin.prompt import frame

PDF = "application/pdf"
IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""The media types of images that every vendor takes."""


class File(Struct, frozen=True):
    """A file's name, media type and content."""

    name: str
    media_type: str
    content: bytes


def decoded(upload: Upload) -> File:
    """An inline upload. Raises `InvalidInput` where its data is not base64 or too large."""
    try:
        content = base64.b64decode(upload.data or "", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(
            f"the data of {upload.name!r} is not base64", hint="encode the file's bytes in base64"
        ) from None
    if len(content) > MAX_FILE:
        raise InvalidInput(f"{upload.name!r} is larger than {MAX_FILE} bytes")
    return File(upload.name, upload.media_type, content)


def conversation(
    query: Query, files: Sequence[File], images: Sequence[File], earlier: Sequence[tuple[str, str]]
) -> tuple[Message, ...]:
    """The messages of a turn.

    Args:
        query: what is asked now.
        files: text files, shown as quoted documents, and PDFs, which models read themselves.
        images: images of the question.
        earlier: questions and answers of the session's turns before.
    """
    messages: list[Message] = [message(m.role, m.content) for m in query.messages or ()]
    for question, answer in earlier:
        messages += [message("user", question), message("assistant", answer)]
    documents = [frame(Quoted(file.name, _text(file))) for file in files if file.media_type != PDF]
    if query.context:
        documents.append(frame(Quoted("context", query.context)))
    text = "\n\n".join([*documents, query.query])
    parts: list[Part] = [
        Image(media_type=_image_type(image), data=base64.b64encode(image.content).decode())
        for image in images
    ]
    parts += [
        Document(file.name, PDF, base64.b64encode(file.content).decode())
        for file in files
        if file.media_type == PDF
    ]
    messages.append(Message("user", (*parts, Text(text))))
    return tuple(messages)


def _text(file: File) -> str:
    try:
        text = file.content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\x00"
    if "\x00" in text:
        raise InvalidInput(
            f"{file.name!r} is not a text file",
            hint="send text and PDFs (application/pdf) as files, and pictures as images",
        )
    return text


def _image_type(file: File) -> str:
    if file.media_type not in IMAGES:
        raise InvalidInput(
            f"{file.name!r} is {file.media_type}, not an image that models read",
            hint=f"send {', '.join(IMAGES)}; text goes as files",
        )
    return file.media_type
