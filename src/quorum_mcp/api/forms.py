"""Reading `multipart/form-data`, in which clients send files."""

import re

from msgspec import Struct

from quorum_mcp.errors import Malformed
from quorum_mcp.providers.multipart import File

MOST = 100
"""Fields of one form."""
_VALUE = re.compile(r'(\w+)\*?="([^"]*)"|(\w+)\*?=([^";\s]+)')


class Form(Struct, frozen=True):
    """The fields of a form: texts by name, several where a name stands more than once, and files."""

    fields: dict[str, list[str]]
    files: dict[str, File]

    def names(self) -> set[str]:
        """The names of all fields."""
        return {*self.fields, *self.files}

    def text(self, name: str) -> str | None:
        """The last text of that name."""
        return self.fields[name][-1] if name in self.fields else None

    def texts(self, name: str) -> list[str]:
        """All texts of that name."""
        return self.fields.get(name, [])


def form_of(body: bytes) -> Form:
    """The fields of a form. The boundary is its first line, as the header's is no other.

    Raises:
        Malformed: it is no form, has no end, or too many fields.
    """
    line, _, _ = body.partition(b"\r\n")
    if not line.startswith(b"--") or not 3 <= len(line) <= 72:
        raise Malformed("the body is no multipart/form-data", hint="send the file and the fields as a form")
    pieces = (b"\r\n" + body).split(b"\r\n" + line)
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise Malformed("the form has no end: it was cut", hint="send it again")
    if len(pieces) > MOST + 2:
        raise Malformed(f"the form has more than {MOST} fields")
    form = Form({}, {})
    for piece in pieces[1:-1]:
        head, gap, data = piece.partition(b"\r\n\r\n")
        if not gap:
            raise Malformed("a field of the form has no head")
        _add(form, head.decode("utf-8", "replace"), data)
    return form


def _add(form: Form, head: str, data: bytes) -> None:
    lines = {
        name.strip().lower(): value.strip()
        for name, colon, value in (line.partition(":") for line in head.splitlines())
        if colon
    }
    found = {(a or c).lower(): b or d for a, b, c, d in _VALUE.findall(lines.get("content-disposition", ""))}
    name = found.get("name")
    if not name:
        raise Malformed("a field of the form has no name")
    if "filename" in found:
        kind = lines.get("content-type", "application/octet-stream")
        form.files[name] = File(found["filename"] or "file", kind, data)
    else:
        form.fields.setdefault(name, []).append(data.decode("utf-8", "replace"))
