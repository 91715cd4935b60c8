"""First answers: computed where the question can be computed, scripted text everywhere else.

Who is wrong, and how, depends on the seed, the model and the question alone.
"""

import re

from msgspec import Struct

from quorum_mcp.providers.builtin.abstain import Abstain
from quorum_mcp.providers.builtin.arithmetic.solution import Solution
from quorum_mcp.providers.builtin.arithmetic.solve import solve
from quorum_mcp.providers.builtin.extract.answer import answer as quote
from quorum_mcp.providers.builtin.prompt import read
from quorum_mcp.providers.sim.ask import LABEL, Ask
from quorum_mcp.providers.sim.chance import pick, roll
from quorum_mcp.providers.sim.mistakes import mistaken
from quorum_mcp.providers.sim.opinions import opinion

_OPTION = re.compile(r"^\s*\(?(?P<letter>[A-J])[).:]\s+(?P<text>\S.*)$", re.MULTILINE)
_LEADS = {
    "terse": ("",),
    "normal": ("Step by step:", "Working it out:", "One step at a time:"),
    "long": (
        "Before the result, a word on the way to it: the steps below are written out so that each can be checked.",
        "The question looks simple, and still it is worth going through it slowly, one step after the other.",
    ),
}


class Draft(Struct, frozen=True):
    """An answer before it is put into form: its text, and the short conclusion if there is one."""

    text: str
    conclusion: str | None


def draft(ask: Ask) -> Draft:
    """What the model answers to a question that nobody has answered yet."""
    prompt = read(ask.messages)
    if (solution := computed(prompt.question)) is not None:
        return _worked(ask, solution, prompt.question)
    options = {match["letter"]: match["text"] for match in _OPTION.finditer(prompt.question)}
    if len(options) > 1:
        return _chosen(ask, options, prompt.question)
    view = opinion(ask.model, ask.seed, prompt.question)
    text = "\n".join(view.sentences)
    if prompt.documents:
        try:
            text = f"The documents say:\n{quote(prompt).partition('CONCLUSION:')[0].strip()}\n{text}"
        except Abstain as reason:
            text = f"The documents do not help: {reason.reason}.\n{text}"
    return Draft(text, view.choice)


def computed(question: str) -> Solution | None:
    """The exact solution of a question that can be computed."""
    try:
        return solve(question)
    except Abstain:
        return None


def finished(ask: Ask, answer: Draft) -> str:
    """The answer as text: labelled, and with a `CONCLUSION:` line where one was asked for and is obeyed."""
    label = f"{LABEL} ({ask.model.personality.about}; scripted, no language model was asked)."
    lines = [label, answer.text]
    if answer.conclusion is not None and "CONCLUSION:" in ask.everything:
        obeys = roll(ask.seed, ask.model.asked, ask.question, "comply") < ask.model.knobs.comply
        lines.append(
            f"CONCLUSION: {answer.conclusion}" if obeys else f"So the answer is {answer.conclusion}."
        )
    return "\n".join(line for line in lines if line)


def _worked(ask: Ask, solution: Solution, question: str) -> Draft:
    words = (ask.seed, ask.model.personality.name, question)
    steps, conclusion = list(solution.steps), solution.conclusion
    if roll(*words, "wrong") < ask.model.wrong:
        conclusion = mistaken(solution.conclusion, *words)
        before, found, after = steps[-1].rpartition(solution.conclusion)
        steps[-1] = f"{before}{conclusion}{after}" if found else steps[-1]
    lead = pick(_LEADS[ask.model.personality.length], *words)
    return Draft("\n".join([lead, *steps, f"The result is {conclusion}."]).strip(), conclusion)


def _chosen(ask: Ask, options: dict[str, str], question: str) -> Draft:
    letters = sorted(options)
    usual = pick(letters, ask.seed, question)
    words = (ask.seed, ask.model.personality.name, question)
    strays = roll(*words, "wrong") < (0.5 if ask.model.personality.contrary else ask.model.wrong)
    letter = pick([other for other in letters if other != usual] or letters, *words) if strays else usual
    text = f"Nothing here can be computed, so this is a seeded pick and no knowledge: {letter}, “{options[letter]}”."
    return Draft(text, letter)
