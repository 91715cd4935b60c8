"""Writing `multipart/form-data`, in which files are sent."""

import secrets
from collections.abc import Sequence

from msgspec import Struct


class File(Struct, frozen=True):
    """A file in a form."""

    name: str
    media_type: str
    data: bytes


def multipart(fields: Sequence[tuple[str, str | File]]) -> tuple[bytes, str]:
    """The body of a form, and its media type with the boundary."""
    boundary = f"quorum-{secrets.token_hex(16)}"
    pieces: list[bytes] = []
    for name, value in fields:
        head = f'--{boundary}\r\ncontent-disposition: form-data; name="{_quoted(name)}"'
        if isinstance(value, File):
            head += f'; filename="{_quoted(value.name)}"\r\ncontent-type: {value.media_type}'
        data = value.data if isinstance(value, File) else value.encode("utf-8", "replace")
        pieces += [head.encode("utf-8", "replace"), b"\r\n\r\n", data, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return b"".join(pieces), f"multipart/form-data; boundary={boundary}"


def _quoted(text: str) -> str:
    """As browsers write names: what would end the value, or the line, is escaped."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
