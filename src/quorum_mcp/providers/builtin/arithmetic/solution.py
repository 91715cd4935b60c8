"""What a solved question is: the steps to show and the conclusion."""

from msgspec import Struct


class Solution(Struct, frozen=True):
    """A solved question: `steps` are short lines for people, `conclusion` is the answer alone."""

    steps: tuple[str, ...]
    conclusion: str

    @property
    def text(self) -> str:
        """The answer as a model would write it: the steps, then the `CONCLUSION:` line."""
        return "\n".join((*self.steps, f"CONCLUSION: {self.conclusion}"))
