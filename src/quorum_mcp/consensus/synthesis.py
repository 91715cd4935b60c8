"""Prose for the panel's answer. A writer explains the decision; it cannot change it.

The chain of writers is tried in order; where all fail, the answer is the winner's own text.
"""

import re
from collections.abc import Sequence

from quorum_mcp.consensus.deliberation import Deliberation
from quorum_mcp.consensus.judge import Findings, chain_reply, share_of
from quorum_mcp.consensus.labels import labelled, shuffled
from quorum_mcp.consensus.prompts import synthesis
from quorum_mcp.consensus.reading.conclusions import Conclusion, find, same
from quorum_mcp.consensus.reply import Reply
from quorum_mcp.messages import message

LONGEST = 12_000  # characters of one answer that a writer gets to read
_CONCLUSION_LINE = re.compile(r"^\W*CONCLUSION\W*:.*$", re.MULTILINE)


async def write(
    table: Deliberation,
    replies: Sequence[Reply],
    conclusion: Conclusion | None,
    findings: Findings | None,
    until: float,
) -> str | None:
    """The answer in prose, or None when no writer of the chain could."""
    answers = labelled(shuffled(replies, f"{table.plan.seed}/write"))
    points = [f"{point.status}: {point.text}" for point in findings.points] if findings else []
    prompt = synthesis(
        table.plan.question,
        [(label, reply.text[:LONGEST]) for label, reply in answers.items()],
        conclusion.text if conclusion else None,
        points,
    )
    chain = table.plan.writers
    for index, model in enumerate(chain):
        base = chain_reply(table, "synthesizer", 9, model)
        deadline = share_of(until, last=index == len(chain) - 1)
        reply = await table.ask(base, model, (message("user", prompt),), deadline)
        if not reply.ok:
            continue
        if conclusion is not None and not _keeps(reply.text, conclusion, table):
            table.degrade(f"the writer {model} did not keep the panel's conclusion; its text was not used")
            continue
        return _CONCLUSION_LINE.sub("", reply.text).strip() or reply.text
    return None


def _keeps(text: str, conclusion: Conclusion, table: Deliberation) -> bool:
    found = find(text, question=table.plan.question, answer_format=table.plan.answer_format)
    return found is not None and same(found, conclusion)
