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


_ADVICE = re.compile(
    r"\b(?:should|shall|plan|planning|design|review|improve|recommend|advice|advise|strategy|approach|organi[sz]e|migrate"
    r"|decide|prepare|introduce|reduce|handle|pros and cons|better|best|worth|risks?|how (?:do|can|would|to))\b",
    re.IGNORECASE,
)
_NO_TOPIC = {
    "plan", "design", "review", "improve", "recommend", "advice", "strategy", "approach",
    "organize", "organise", "decide", "prepare", "introduce", "reduce", "handle", "better",
    "best", "worth", "write", "explain", "describe", "compare", "list", "give",
    "make", "find", "choose",
}  # fmt: skip
_NO_KNOWLEDGE = (
    f"{POSITION}a script has no knowledge, so it cannot answer what is asked about {{topic}}.",
    "A language model set up in its place would be asked exactly this.",
)


class Opinion(Struct, frozen=True):
    """A scripted view: its sentences, and the short choice where the question offers two."""

    sentences: tuple[str, ...]
    choice: str | None


def opinion(model: Model, seed: str, question: str) -> Opinion:
    """What a model makes of a question, by seed, personality and question.

    Where the question offers two things, one of them is chosen; where it asks for advice, general advice is
    given; everything else needs knowledge, and the answer says that there is none.
    """
    if match := _CHOICE.search(question):
        return _choice(model, seed, question, match["a"], match["b"])
    topic, second = _topics(question)
    if not _ADVICE.search(question):
        return Opinion(tuple(sentence.format(topic=topic) for sentence in _NO_KNOWLEDGE), None)
    own = (seed, model.personality.name, question)
    at = int(roll(seed, question) * len(_STANCES))
    if _strays(model, own):
        at = pick([other for other in range(len(_STANCES)) if other != at], *own)
    sentences = [f"{POSITION}{_STANCES[at]}", _REASONS[at], *_points(model, own)]
    return Opinion(tuple(sentence.format(topic=topic, second=second) for sentence in sentences), None)


def _choice(model: Model, seed: str, question: str, a: str, b: str) -> Opinion:
    own = (seed, model.personality.name, question)
    usual, other = (a, b) if roll(seed, question) < 0.5 else (b, a)
    chosen, left = (other, usual) if _strays(model, own) else (usual, other)
    stand = (
        f"{POSITION}choose {chosen}.",
        f"What speaks for {chosen} is that it can be tried first and given up again.",
    )
    points = (point.format(topic="the choice", second=left) for point in _points(model, own))
    return Opinion((*stand, *points), chosen)


def _strays(model: Model, own: tuple[str, ...]) -> bool:
    return roll(*own, "stray") < (0.8 if model.personality.contrary else 0.2)


def _points(model: Model, own: tuple[str, ...]) -> list[str]:
    return some(_POINTS, _COUNTS[model.personality.length], *own)


def _topics(question: str) -> tuple[str, str]:
    """The two things that the question seems to be about: its longest words."""
    first = _WORD.search(question)
    words = [
        match.group()
        for match in _WORD.finditer(question)
        if match.group().lower() not in STOP_WORDS | _NO_TOPIC
    ]
    longest = sorted(dict.fromkeys(words), key=len, reverse=True)[:2]
    opener = first.group() if first else ""
    named = [w if w[0].isupper() and w != opener else f"the {w.lower()}" for w in longest]
    topic = named[0] if named else "this"
    return topic, named[1] if len(named) > 1 else "the timing"
