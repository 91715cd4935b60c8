"""Opinions on questions that cannot be computed: templates filled with the question's own words."""

import re

from msgspec import Struct

from quorum_mcp.providers.builtin.extract.terms import STOP_WORDS
from quorum_mcp.providers.sim.chance import pick, roll, some
from quorum_mcp.providers.sim.models import Model

POSITION = "My position: "
"""What the sentence with the position begins with, so that a simulated judge can group by it."""

_STANCES = (
    "start with the smallest version of {topic} that can be judged, and widen it only when it holds.",
    "measure {topic} first, and decide on figures instead of impressions.",
    "change {topic} thoroughly in one go, because a half measure would have to be undone later.",
)
_REASONS = (
    "A first step on {topic} that can be taken back costs little.",
    "What people believe about {topic} and what the figures say often differ.",
    "Two half solutions for {topic} side by side cost more than one whole one.",
)
_POINTS = (
    "Whoever depends on {topic} should be asked before anything changes.",
    "There should be a way back in case {topic} does not work out as planned.",
    "One person has to own {topic}.",
    "The price of leaving {topic} as it is belongs in the comparison.",
    "It should be written down beforehand how to tell that {topic} went well.",
    "The question of {second} deserves a check of its own.",
)
_COUNTS = {"terse": 1, "normal": 2, "long": 4}
_CHOICE = re.compile(
    r"\b(?:use|choose|pick|prefer|take|buy|adopt|go with|have|be|is|are|between|better[,:]?)\s+"
    r"(?P<a>[\w+#./-]+(?: [\w+#./-]+){0,3}?),?\s+or\s+(?P<b>[\w+#./-]+(?: [\w+#./-]+){0,3}?)\s*(?:\?|$|,| for | in | as | to )",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_][\w-]{3,}")


class Opinion(Struct, frozen=True):
    """A scripted view: its sentences, and the short choice where the question offers two."""

    sentences: tuple[str, ...]
    choice: str | None


def opinion(model: Model, seed: str, question: str) -> Opinion:
    """What a model makes of a question, by seed, personality and question."""
    own = (seed, model.personality.name, question)
    strays = roll(*own, "stray") < (0.8 if model.personality.contrary else 0.2)
    topic, second = _topics(question)
    choice = None
    if match := _CHOICE.search(question):
        usual, other = (match["a"], match["b"]) if roll(seed, question) < 0.5 else (match["b"], match["a"])
        choice = other if strays else usual
        stand = [f"choose {choice}.", f"For {choice} speaks that it can be tried first and given up again."]
    else:
        usual = int(roll(seed, question) * len(_STANCES))
        at = pick([n for n in range(len(_STANCES)) if n != usual], *own) if strays else usual
        stand = [_STANCES[at], _REASONS[at]]
    points = some(_POINTS, _COUNTS[model.personality.length], *own)
    sentences = [f"{POSITION}{stand[0]}", *stand[1:], *points]
    return Opinion(tuple(sentence.format(topic=topic, second=second) for sentence in sentences), choice)


def _topics(question: str) -> tuple[str, str]:
    """The two words that the question seems to be about: its longest ones."""
    words = [word for word in dict.fromkeys(_WORD.findall(question)) if word.lower() not in STOP_WORDS]
    longest = sorted(words, key=len, reverse=True)[:2]
    first = longest[0] if longest else "this"
    return first, longest[1] if len(longest) > 1 else "timing"
