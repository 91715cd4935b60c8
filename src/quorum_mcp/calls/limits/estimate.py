"""How many tokens a call is likely to use: what is taken before it is sent, and corrected afterwards."""

from quorum_mcp.messages import ModelRequest, Text

CHARACTERS_PER_TOKEN = 4
"""Good enough to reserve with: the count is corrected to what the provider reports."""
MOST_WITH_IMAGE = 16_384
"""Characters that are counted for each image of a request: its data is no text."""
MEMORY = 0.2
"""The weight of the newest answer in the mean of a model's answers."""
MOST = 10_000
"""Models whose means are kept."""


class Estimates:
    """The lengths of prompts, and the mean lengths of each model's answers."""

    def __init__(self) -> None:
        self._outputs: dict[str, float] = {}

    def of(self, target: str, request: ModelRequest) -> int:
        """About how many tokens the request's texts and its answer will have; at least 1."""
        output = self._outputs.get(target, 0.0)
        if request.max_tokens is not None and request.max_tokens < output:
            output = request.max_tokens
        return prompt_tokens(request) + int(output)

    def learn(self, target: str, output: int) -> None:
        """An answer of the model had so many tokens."""
        if len(self._outputs) >= MOST:
            self._outputs.clear()
        mean = self._outputs.get(target, output)
        self._outputs[target] = mean + (output - mean) * MEMORY


def prompt_tokens(request: ModelRequest) -> int:
    """About how many tokens the request's texts have; at least 1."""
    if (native := request.native) is not None:
        size = native.size if not native.media else min(native.size, native.media * MOST_WITH_IMAGE)
        return size // CHARACTERS_PER_TOKEN + 1
    characters = 0
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, Text):
                characters += len(part.text)
    return characters // CHARACTERS_PER_TOKEN + 1
