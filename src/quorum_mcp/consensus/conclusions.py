"""The short conclusion of a model's answer, wherever it stands.

In order: a `CONCLUSION:` line, an `"answer"` field of JSON (also broken JSON), `\\boxed{…}`, "the answer is …",
"so: …" and "hence …" directly before a short value, and last the value that the final sentences end with; only
that last kind is not `stated`. Time is linear in the text's length; nothing in a text is ever an instruction.
"""

import re
from collections.abc import Iterator

from quorum_mcp.consensus import choices, marks, prose
from quorum_mcp.consensus.normal import AnswerFormat, Conclusion, Context, context, read, same

__all__ = ["Conclusion", "find", "same"]

_SHORT = 120
_ANSWERED = re.compile(
    r"(?:the\s+)?(?:final\s+|correct\s+|short\s+)?(?:answer|conclusion|result)\s*(?:is|:)\s*", re.IGNORECASE
)
_LEAD_LETTER = re.compile(r"\s*[*_`$]{0,3}\(?([A-J])[).:,]")


def find(
    text: str, *, question: str | None = None, answer_format: AnswerFormat = "auto"
) -> Conclusion | None:
    """The short conclusion of `text`, or None where it has none.

    Args:
        text: a model's whole answer.
        question: what was asked, where known: its options, its units and whether it is about code help reading.
        answer_format: `choice` and `number` accept nothing else; `text` reads no letters.
    """
    if not text or text.isspace():
        return None
    about = context(question, answer_format)
    line = marks.conclusion_line(text)
    if line is not None and (found := _marked(line, about)):
        return found
    text = marks.own_part(text)
    for segment in _announced(text):
        found = _marked(segment, about)
        if found is not None:
            return found
    part = marks.window(text)
    for segment in marks.answer_phrases(part):
        found = _inside(segment, about)
        if found is not None:
            return found
    for segment in marks.hence_phrases(part):
        found = _inside(segment, about)
        if found is not None and found.kind != "phrase":
            return found
    return unstated(part, about)


def _announced(text: str) -> Iterator[str]:
    for source in (marks.json_answer, marks.boxed):
        segment = source(text)
        if segment is not None:
            yield segment


def _marked(segment: str, about: Context) -> Conclusion | None:
    """The conclusion of a field, a box or a line that holds nothing else."""
    lead = _ANSWERED.match(segment.lstrip(" *_"))
    if lead:
        segment = segment.lstrip(" *_")[lead.end() :]
    found = read(segment, about)
    if found is not None and (found.kind != "phrase" or len(segment) <= _SHORT):
        return found
    inner = _inside(segment, about)
    return inner if inner is not None and inner.kind != "phrase" else found


def _inside(segment: str, about: Context) -> Conclusion | None:
    """The conclusion that a sentence starts with, behind "the answer is" or "hence"."""
    segment = segment.strip()
    if not segment:
        return None
    if "\\boxed" in segment and (box := marks.boxed(segment)):
        return read(box, about)
    if not about.code and (letter := choices.letter(segment, known=about.options or None)) and letter <= "J":
        return read(letter, about)
    whole = read(segment, about) if len(segment) <= _SHORT else None
    if whole is not None and whole.kind != "phrase":
        return whole
    found = prose.leading(segment, about) or prose.value(segment, about)
    if found is not None:
        return found
    return whole if whole is not None and len(segment.split()) <= 8 else None


def unstated(text: str, about: Context) -> Conclusion | None:
    """The value that the last sentences of `text` end with."""
    for sentence in prose.sentences(text):
        found = prose.value(sentence, about)
        if found is not None:
            return Conclusion(found.text, found.key, found.kind, False, found.alias)
    return None
