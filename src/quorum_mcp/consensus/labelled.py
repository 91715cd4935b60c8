"""Questions whose recorded answers are known to be right or wrong: what calibration learns from."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from quorum_mcp.consensus.decision import Ballot
from quorum_mcp.consensus.reading.conclusion import Conclusion
from quorum_mcp.consensus.reading.conclusions import find
from quorum_mcp.errors import InvalidInput


class Labelled(Struct, frozen=True):
    """One question: each member's conclusion, and whether its answer was right (None: nobody knows)."""

    conclusions: dict[str, Conclusion | None]
    correct: dict[str, bool | None]

    def ballots(self, members: Sequence[str]) -> list[Ballot]:
        """The ballots of `members`, seated in that order."""
        return [Ballot(seat, member, self.conclusions.get(member)) for seat, member in enumerate(members)]

    def is_right(self, members: Sequence[str]) -> bool:
        """Whether the answer that `members` share is right, by the majority of their labels."""
        labels = [label for member in members if (label := self.correct.get(member)) is not None]
        return sum(labels) * 2 > len(labels)


def asked(row: Mapping[str, Any]) -> str:
    """The question of a row as it is put to a model, its options listed behind it."""
    options = row.get("options") or ()
    return str(row["question"]) + "".join(
        f"\n({chr(65 + place)}) {text}" for place, text in enumerate(options)
    )


def labelled(rows: Iterable[Mapping[str, Any]], *, provider: str | None = None) -> list[Labelled]:
    """Read rows of the form `{"question", "options"?, "answers": [{"model", "text", "answer"?, "correct"}]}`.

    Args:
        rows: the rows, as JSON gives them.
        provider: where given, the file's model `NAME` is the member `provider/NAME`.

    Raises:
        InvalidInput: a row lacks the question or the answers, or an answer its model.
    """
    found: list[Labelled] = []
    for number, row in enumerate(rows, 1):
        try:
            question = asked(row)
            answers = [_answer(answer, question, provider) for answer in row["answers"]]
        except (KeyError, TypeError, AttributeError) as problem:
            raise InvalidInput(f"labelled row {number} has not the expected form: {problem!r}") from problem
        found.append(Labelled({a[0]: a[1] for a in answers}, {a[0]: a[2] for a in answers}))
    return found


def _answer(
    answer: Mapping[str, Any], question: str, provider: str | None
) -> tuple[str, Conclusion | None, bool | None]:
    name = str(answer["model"])
    label = answer.get("correct")
    conclusion = find(str(answer.get("text") or ""), question=question)
    if conclusion is None and answer.get("answer") is not None:
        conclusion = find(f"CONCLUSION: {answer['answer']}", question=question)
    return (f"{provider}/{name}" if provider else name), conclusion, None if label is None else bool(label)
