"""Second looks: critique of one's own answer, the devil's advocate's attack, and the defence against it.

A review is honest where the question can be computed: what is right stands, and a changed answer quotes the
line that is wrong (who is often wrong overlooks it as often). Everything else stands, because a script has nothing to check it with.
"""

import re

from quorum_mcp.providers.sim.answers import Draft, computed
from quorum_mcp.providers.sim.ask import Ask
from quorum_mcp.providers.sim.chance import roll, some
from quorum_mcp.providers.sim.quoted import Quoted, conclusion, objections

_OBJECTIONS = (
    "It names no figure, so nobody can tell whether it would work.",
    "It says nothing about what happens when the first step fails.",
    "It assumes that everyone concerned will go along.",
    "It leaves out what the alternative would cost.",
)
_ATTACKS = 2


def critique(ask: Ask, quoted: Quoted) -> Draft:
    """Weigh the quoted answers: stand by one's own, or change it and quote the error."""
    own = quoted.answers.get(quoted.own or "", "")
    mine = conclusion(own)
    solution = computed(quoted.question)
    if solution is None or mine is None:
        return Draft(
            "I went through all the answers. None of them shows an error in mine, so it stands.", mine
        )
    if mine == solution.conclusion:
        others = [label for label, text in quoted.answers.items() if (conclusion(text) or mine) != mine]
        found = f" Answer {', '.join(others)} does not come out so." if others else ""
        return Draft(f"I computed it again: {solution.steps[-1]}.{found} My answer stands.", mine)
    if roll(ask.seed, ask.model.personality.name, quoted.question, "overlook") < ask.model.wrong:
        return Draft("I went through my steps again and see no error in them. My answer stands.", mine)
    wrong = _line_with(own, mine)
    error = f'ERROR: "{wrong}" - computed again it is {solution.conclusion}'
    return Draft(f"I computed it again: {solution.steps[-1]}.\n{error}", solution.conclusion)


def attack(ask: Ask, quoted: Quoted) -> Draft:
    """Object to the emerging answer; nothing where it is a right result."""
    emerging = quoted.answers.get("EMERGING", "")
    solution = computed(quoted.question)
    if solution is not None and (stated := conclusion(emerging)) is not None:
        if stated == solution.conclusion:
            return Draft("NO OBJECTION", None)
        return Draft(f"OBJECTION 1: {stated} is not the result: {solution.steps[-1]}", None)
    found = some(_OBJECTIONS, _ATTACKS, ask.seed, ask.model.personality.name, quoted.question)
    return Draft("\n".join(f"OBJECTION {number}: {text}" for number, text in enumerate(found, 1)), None)


def defence(ask: Ask, quoted: Quoted) -> Draft:
    """Reject or concede every objection."""
    emerging = quoted.answers.get("EMERGING", "")
    stated = conclusion(emerging)
    solution = computed(quoted.question)
    lines: list[str] = []
    final = stated
    for number, text in enumerate(objections(quoted.answers.get("ATTACK", "")), 1):
        if solution is not None and stated is not None:
            concedes = stated != solution.conclusion
            why = solution.steps[-1]
        else:
            concedes = roll(ask.seed, ask.model.personality.name, text, "concede") < 0.4
            why = "the answer can be completed by it" if concedes else "the answer does not depend on it"
        lines.append(f"{number}: {'CONCEDED' if concedes else 'REJECTED'} - {why}")
    if solution is not None and stated is not None and stated != solution.conclusion:
        lines.append(f'ERROR: "{_line_with(emerging, stated)}" - computed again it is {solution.conclusion}')
        final = solution.conclusion
    return Draft("\n".join(lines) or "There is no objection to answer.", final)


def _line_with(text: str, result: str) -> str:
    """The line of an answer that holds the wrong result, for an exact quote."""
    lines = [line.strip() for line in text.splitlines() if result in line and "CONCLUSION" not in line]
    computing = [line for line in lines if re.search(r"[=≈]", line)]
    return (computing or lines or [result])[-1].replace('"', "")
