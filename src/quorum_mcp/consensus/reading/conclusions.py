r"""The short conclusion of a model's answer, wherever it stands.

In order: a `CONCLUSION:` line, an `"answer"` field of JSON (also broken JSON), `\boxed{…}`, "the answer is …",
"So: …" and "hence …" directly before a short value, and last the value that the final sentence ends with; only
that last kind is not `stated`. Time is linear in the text's length; nothing in a text is ever an instruction.
"""

import re

from msgspec import Struct

from quorum_mcp.consensus.reading import choices, closing, code, fields, letters, marks, prose, values
from quorum_mcp.consensus.reading.conclusion import Conclusion, same
from quorum_mcp.consensus.reading.normal import AnswerFormat, Context, context, read

__all__ = ["Conclusion", "Found", "find", "same", "search"]

_SHORT = 120
_DIRECT = 40
_NEAR_START = 200
_NEAR_END = 250
_WORDS = 6
_REASONED = 80
_BRIEF = 200
_FEW = 4
_SENTENCE = 10
_SUBJECT = re.compile(
    r"(?:(?:so|I think|I believe|I'd say)\s*,?\s+)?(?:it|that|this|the\s[\w ]{1,40}?)(?:'s|’s|\s(?:is|was|equals|would be))\s+(?=\S)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d[\d.,:/]*")
_OPINION = re.compile(r"\W*I\b|.*\b(?:should|would|could|might|recommend|suggest|consider)\b", re.IGNORECASE)
_BOLD = re.compile(r"\*\*([^*\n]{1,80})\*\*")
_ANSWERED = re.compile(
    r"[\s*_]*(?:the\s+)?(?:final\s+|correct\s+|short\s+)?(?:answer|conclusion|result)\s*(?:is|:)\s*",
    re.IGNORECASE,
)


class Found(Struct, frozen=True):
    """A conclusion and how sure it is that the text means it.

    Attributes:
        conclusion: what was found.
        firm: False where it is only the last value mentioned.
        votes: whether it is sure enough to count as the answer's conclusion.
        argued: whether the text announces it or argues for it, rather than being a few words.
        whole: whether the text is nothing but the conclusion.
        rivals: keys of other answers that the text announces as well.
    """

    conclusion: Conclusion
    firm: bool = True
    votes: bool = True
    argued: bool = True
    whole: bool = False
    rivals: tuple[str, ...] = ()


def find(
    text: str, *, question: str | None = None, answer_format: AnswerFormat = "auto"
) -> Conclusion | None:
    """The short conclusion of `text`, or None where it has none.

    Args:
        text: a model's whole answer.
        question: what was asked, where known: its options, its units and whether it is about code help reading.
        answer_format: `choice` and `number` accept nothing else; `text` reads no letters.
    """
    found = search(text, question=question, answer_format=answer_format)
    return found.conclusion if found and found.votes else None


def search(text: str, *, question: str | None = None, answer_format: AnswerFormat = "auto") -> Found | None:
    """Like `find`, with how sure the finding is, and weak findings too."""
    if not text or text.isspace():
        return None
    about = context(question, answer_format)
    line = fields.conclusion_line(text)
    if line is not None and (conclusion := _marked(line, about)):
        return Found(conclusion)
    text = marks.own_part(text)
    field = fields.json_answer(text)
    if field is not None and (conclusion := _marked(field, about)) and _wanted(conclusion, about):
        return Found(conclusion)
    part = marks.window(text)
    announced = marks.announcements(part)
    found = _lettered(part, announced, about) or _announced(part, announced, about)
    if found is not None:
        return found
    brief = _brief(part, about)
    if brief is not None and brief.kind != "phrase":
        return Found(brief, argued=False, whole=True)
    ending = closing.final(part, about)
    if ending is not None and not _wanted(ending.conclusion, about):
        ending = None
    if ending and ending.strict:
        return Found(ending.conclusion, argued=len(part) >= _REASONED)
    if brief is not None:
        return Found(brief, argued=False, whole=True)
    if ending is None:
        return None
    alone = (
        ending.firm
        and len(part) <= _BRIEF
        and "\n" not in part.strip()
        and len(_NUMBER.findall(part)) == 1
        and not _OPINION.match(part)
    )
    return Found(ending.conclusion, ending.firm, alone, len(part) >= _REASONED)


def _brief(text: str, about: Context) -> Conclusion | None:
    """The conclusion of an answer that is hardly more than it: a word, a value, a sentence with one bold phrase."""
    text = text.strip()
    if len(text) > _BRIEF or "\n" in text or (text[:1] == "{" and "answer" in text):
        return None
    bold = _BOLD.findall(text)
    if (
        len(bold) == 1
        and len(bold[0].split()) <= _FEW
        and (found := read(bold[0], about))
        and _wanted(found, about)
    ):
        return found
    lead = _SUBJECT.match(text)
    if lead and len(text.split()) <= _SENTENCE and (found := read(text[lead.end() :], about)):
        text, whole = text[lead.end() :], found
    else:
        whole = read(text, about)
    if whole is None or not _wanted(whole, about):
        return None
    return whole if whole.kind != "phrase" or (len(text.split()) <= _FEW and not about.options) else None


def _wanted(conclusion: Conclusion, about: Context) -> bool:
    """Whether it can answer a question that lists options: any choice can, and words ("none of these")."""
    return not about.options or conclusion.kind in ("choice", "phrase", "truth")


def _lettered(text: str, announced: list[marks.Mark], about: Context) -> Found | None:
    """The choice that a text makes: by a box, by announcing a letter, or by naming one at its end."""
    if about.code and not about.options:
        return None
    box = marks.boxed(text)
    if (
        box is not None
        and (mark := choices.letter(box[0], known=about.options or None))
        and (conclusion := read(mark, about))
    ):
        return Found(conclusion)
    after = box[1] if box and not about.options else 0
    said = letters.announced(text, [mark for mark in announced if mark.start >= after], about)
    if said is not None and (conclusion := read(said[0], about)):
        return Found(conclusion, rivals=tuple(f"choice:{mark}" for mark in said[1]))
    if about.options:
        for sentence in closing.sentences(text)[:2]:
            mark = letters.mentioned(sentence, about) or letters.named(sentence, about)
            if mark and (conclusion := read(mark, about)):
                return Found(conclusion)
    return None


def _announced(text: str, announced: list[marks.Mark], about: Context) -> Found | None:
    box = marks.boxed(text)
    if box is not None and (conclusion := _marked(box[0], about)) and _wanted(conclusion, about):
        return Found(conclusion)
    for mark in reversed([mark for mark in announced if mark.kind != "hence"]):
        conclusion = _inside(marks.sentence(text, mark.end, whole_line=about.code), about)
        if conclusion is None or not _wanted(conclusion, about) or conclusion.key.startswith("formula:0="):
            continue
        if conclusion.kind != "phrase" or mark.start <= _NEAR_START or mark.start >= len(text) - _NEAR_END:
            return Found(conclusion)
    for mark in reversed([mark for mark in announced if mark.start >= len(text) - _NEAR_END]):
        conclusion = _direct(marks.sentence(text, mark.end), about)
        if conclusion is not None and _wanted(conclusion, about):
            return Found(conclusion)
    return None


def _marked(segment: str, about: Context) -> Conclusion | None:
    """The conclusion of a field, a box or a line that holds nothing else."""
    lead = _ANSWERED.match(segment)
    if lead and lead.end() < len(segment):
        segment = segment[lead.end() :]
    found = read(segment, about, exact=True)
    if found is not None and (found.kind != "phrase" or len(segment) <= _SHORT):
        return found
    inner = _inside(segment, about)
    return inner if inner is not None and inner.kind != "phrase" else found


def _direct(segment: str, about: Context) -> Conclusion | None:
    """A value that is the whole segment: "hence 5"."""
    if about.code or len(segment) > _DIRECT or "=" in segment:
        return None
    found = read(segment, about)
    return found if found is not None and found.kind not in ("phrase", "formula") else None


def _inside(segment: str, about: Context) -> Conclusion | None:
    """The conclusion that a sentence starts with, behind "the answer is" or "So:"."""
    segment = segment.strip()
    if not segment:
        return None
    if about.code:
        return _code(segment, about)
    if letter := choices.letter(segment, known=about.options or None):
        return read(letter, about)
    whole = read(segment, about) if len(segment) <= _SHORT else None
    if whole is not None and whole.kind != "phrase":
        return whole
    if "=" not in segment and (found := values.leading(segment, about)):
        return found
    if value := prose.value(segment, about):
        return value.conclusion
    return whole if whole is not None and len(segment.split()) <= _WORDS else None


def _code(segment: str, about: Context) -> Conclusion | None:
    """The value of a piece of code that a line starts with or is."""
    whole = read(segment.removesuffix("."), about)
    if not code.is_prose(segment) or (whole is not None and code.is_value(segment.removesuffix("."))):
        return whole
    if segment[0] in "'\"`[({" and (found := values.leading(segment, about)):
        return found
    value = prose.value(segment, about)
    if value is not None:
        return value.conclusion
    return None if code.is_prose(segment.partition(" ")[0] + " -" * 4) else whole
