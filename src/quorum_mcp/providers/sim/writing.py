"""The prose of a simulated writer: put together from sentences of the answers that it was given."""

from quorum_mcp.providers.sim.answers import Draft, computed
from quorum_mcp.providers.sim.ask import LABEL
from quorum_mcp.providers.sim.opinions import POSITION
from quorum_mcp.providers.sim.quoted import Quoted, decided


def synthesis(prompt: str, quoted: Quoted) -> Draft:
    """The panel's answer in prose; a decided conclusion is kept word for word."""
    conclusion = decided(prompt)
    if conclusion is not None:
        solution = computed(quoted.question)
        steps = list(solution.steps) if solution is not None and solution.conclusion == conclusion else []
        return Draft("\n".join([f"The panel's answer is {conclusion}.", *steps]), conclusion)
    said = [_lines(text) for text in quoted.answers.values()]
    stands = list(dict.fromkeys(line for lines in said for line in lines if line.startswith(POSITION)))
    shared = [
        line for line in dict.fromkeys(line for lines in said for line in lines) if _count(line, said) > 1
    ]
    agreed = [line for line in shared if line not in stands]
    text: list[str] = []
    if len(stands) == 1:
        text.append(f"The answers take one position: {stands[0].removeprefix(POSITION)}")
    elif stands:
        text.append("The answers take different positions:")
        text += [f"- {line.removeprefix(POSITION)}" for line in stands]
    if agreed:
        text += ["More than one of them says:", *(f"- {line}" for line in agreed)]
    if not text:
        text = (
            ["The answers have no sentence in common; the first of them says:", *said[0][:3]] if said else []
        )
    return Draft("\n".join(text), None)


def _lines(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith((LABEL, "CONCLUSION"))]


def _count(line: str, said: list[list[str]]) -> int:
    return sum(line in lines for lines in said)
