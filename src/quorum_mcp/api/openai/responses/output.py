"""What a model said as output items, and the seal under which reasoning comes back to its provider."""

import base64
import binascii
from typing import Any

from msgspec import Struct

from quorum_mcp import codec
from quorum_mcp.answers import Answer
from quorum_mcp.api.citations import text_annotations, within
from quorum_mcp.errors import InvalidInput
from quorum_mcp.messages import Part, Reasoning, Text, ToolUse

Json = dict[str, Any]
KINDS: dict[type, str] = {Text: "msg", Reasoning: "rs", ToolUse: "fc"}


class Seal(Struct, omit_defaults=True):
    """What only the provider that reasoned can read; it goes back to it unchanged."""

    signature: str | None = None
    opaque: str | None = None


def item_id(response: str, part: Part, n: int) -> str:
    """The id of output item number `n`: it says in which response the item stands, so that it can be found again."""
    return f"{KINDS[type(part)]}_{response.removeprefix('resp_')}_{n}"


def items(response: str, answer: Answer) -> list[Json]:
    """An answer's parts as output items, with the pages that its texts cite; what says nothing is none."""
    shown = [part for part in answer.parts if _says(part)]
    output = [item_of(part, item_id(response, part, n)) for n, part in enumerate(shown)]
    return annotated(output, answer)


def annotated(output: list[Json], answer: Answer) -> list[Json]:
    """The items with the answer's citations in the texts that they belong to."""
    texts = [part for item in output if item["type"] == "message" for part in item["content"]]
    at = 0
    for part in texts if answer.citations else ():
        end = at + len(part["text"])
        part["annotations"] = text_annotations(within(answer.citations, at, end, last=part is texts[-1]))
        at = end
    return output


def item_of(part: Part, name: str, *, status: str = "completed") -> Json:
    """One part as the output item of that id; an unfinished message has no content yet."""
    match part:
        case Text(text):
            content = [text_part(text)] if status == "completed" else []
            return {"id": name, "type": "message", "role": "assistant", "status": status, "content": content}
        case Reasoning(text):
            summary = [{"type": "summary_text", "text": text}] if text else []
            item: Json = {"id": name, "type": "reasoning", "summary": summary}
            sealed = seal(part)
            return item | ({"encrypted_content": sealed} if sealed else {})
        case ToolUse(call_id, tool, arguments):
            item = {"id": name, "type": "function_call", "status": status}
            return item | {"call_id": call_id, "name": tool, "arguments": arguments}
        case _:
            raise TypeError(f"a model does not answer with a {type(part).__name__}")


def text_part(text: str) -> Json:
    """A text as a part of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def shown(output: list[Json], *, sealed: bool) -> list[Json]:
    """The items as the caller wants to see them: with the seals of their reasoning, or without."""
    if sealed:
        return output
    return [{name: value for name, value in item.items() if name != "encrypted_content"} for item in output]


def seal(part: Reasoning) -> str | None:
    """The provider's own marks on its reasoning as one text; None where it made none."""
    if part.signature is None and part.opaque is None:
        return None
    return base64.urlsafe_b64encode(codec.encode(Seal(part.signature, part.opaque))).decode()


def unseal(text: Any, where: str) -> Seal:
    """What `seal` made. Raises `InvalidInput` for anything else."""
    if text is None:
        return Seal()
    try:
        return codec.decode(base64.b64decode(str(text), altchars=b"-_", validate=True), Seal)
    except (binascii.Error, ValueError, codec.JSONError):
        raise InvalidInput(
            f"{where}.encrypted_content was not made here", hint="send it back as it came, or leave it out"
        ) from None


def _says(part: Part) -> bool:
    match part:
        case Text(text):
            return bool(text)
        case Reasoning(text):
            return bool(text) or seal(part) is not None
        case _:
            return True
