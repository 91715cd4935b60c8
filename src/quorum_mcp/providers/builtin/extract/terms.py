"""The words of a text that matter for finding it."""

import re

_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
STOP_WORDS = frozenset(
    """
    a about above after again all also am an and any are as at be because been before being below
    between both but by can could did do does doing down each few for from further give had has have
    having he her here hers him his how i if in into is it its just know like may me mean might more
    most must my no nor not of off on once only or other our out over own's per please quote say said
    says shall she should show so some such tell than that the their them then there these they this
    those through to too under until up us very was we were what when where which while who whom whose
    why will with would you your document documents file files text according
    """.split()  # noqa: SIM905 - so many words read better so
)
_ENDINGS = ("ings", "ing", "ied", "ies", "ers", "ed", "er", "es", "s", "e", "y")


def terms(text: str) -> list[str]:
    """The stems of the words of `text` in order, without the commonest words."""
    return [
        stem(word)
        for word in (match.group().lower() for match in _WORD.finditer(text))
        if word not in STOP_WORDS
    ]


def stem(word: str) -> str:
    """A word without a common ending, so that “owns”, “owned” and “owner” meet; at least three letters stay."""
    word = word.removesuffix("'s").removesuffix("’s")
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    return word[:-1] if len(word) > 4 and word[-1] == word[-2] else word
