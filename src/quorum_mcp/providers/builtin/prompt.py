"""What a conversation asks a solver: the question itself, and the documents that came with it.

Documents travel inside a user message, framed as `<document name="notes.md">…</document>`; `frame` writes the
frame and `read` takes it apart, so a document can hold any text. Plain `Context:` text is a document too.
"""

import html
import re
from collections.abc import Sequence

from msgspec import Struct

from quorum_mcp.messages import Message

CONTEXT = "context"
"""The name of a document that came as plain `Context:` text."""
_DOCUMENT = re.compile(r'<document name="(?P<name>[^"\n]*)">\n?(?P<text>.*?)\n?</document>', re.DOTALL)
_CONTEXT = re.compile(
    r"^context:[ \t]*\n?(?P<text>.*?)(?=^question:|\Z)", re.DOTALL | re.IGNORECASE | re.MULTILINE
)
_QUESTION = re.compile(r"<question>(?P<text>.*?)</question>", re.DOTALL | re.IGNORECASE)
_LABEL = re.compile(r"^\s*question:\s*", re.IGNORECASE)
_CLOSING = re.compile(r"</(?=\\*document>)")
_ESCAPED = re.compile(r"<\\/(?=\\*document>)")


class Document(Struct, frozen=True):
    """A named text that was given as data."""

    name: str
    text: str


class Prompt(Struct, frozen=True):
    """The last question of a conversation and every document in it."""

    question: str
    documents: tuple[Document, ...]


def frame(document: Document) -> str:
    """A document as quoted data in a message; `read` gives the same document back."""
    text = _CLOSING.sub(r"<\\/", document.text)
    return f'<document name="{html.escape(document.name, quote=True)}">\n{text}\n</document>'


def read(messages: Sequence[Message]) -> Prompt:
    """The question of the last user message, and the documents of all user and system messages."""
    documents: list[Document] = []
    question = ""
    for message in messages:
        if message.role not in ("user", "system"):
            continue
        rest, found = _take_documents(message.text)
        documents.extend(found)
        if message.role == "user":
            question = rest
    return Prompt(_question(question), tuple(documents))


def _take_documents(text: str) -> tuple[str, list[Document]]:
    found = [
        Document(html.unescape(match["name"]), _ESCAPED.sub("</", match["text"]))
        for match in _DOCUMENT.finditer(text)
    ]
    rest = _DOCUMENT.sub("", text)
    if (match := _CONTEXT.search(rest)) and match["text"].strip():
        found.append(Document(CONTEXT, match["text"].strip("\n")))
        rest = rest[: match.start()] + rest[match.end() :]
    return rest, found


def _question(text: str) -> str:
    """The question without its label and without lines that say how to end the answer."""
    if match := _QUESTION.search(text):
        text = match["text"]
    lines = [line for line in text.splitlines() if "CONCLUSION:" not in line]
    return _LABEL.sub("", "\n".join(lines).strip())
