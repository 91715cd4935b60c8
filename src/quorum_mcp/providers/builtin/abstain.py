"""Abstaining: how a solver says, in an ordinary answer, that it has none."""

ABSTENTION = "I abstain: "


class Abstain(Exception):
    """A solver cannot answer without guessing; `reason` is a phrase for people, without a full stop."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def abstention(reason: str) -> str:
    """The text of an answer that abstains for `reason`; it never holds a `CONCLUSION:` line."""
    return f"{ABSTENTION}{reason.rstrip('. ')}."


def is_abstention(text: str) -> bool:
    """Whether an answer's text is an abstention."""
    return text.lstrip().startswith(ABSTENTION)
