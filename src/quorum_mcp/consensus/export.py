"""A session as a file: JSON, Markdown, or one HTML page that needs nothing else."""

import re
from collections.abc import Sequence
from html import escape
from typing import Literal

from quorum_mcp.consensus.query import CitationView, QueryAnswer, Response, SourceView
from quorum_mcp.consensus.session import SessionView

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;border-left:3px solid #8888;padding-left:1rem;font:inherit}"
    "table{border-collapse:collapse}td,th{border:1px solid #8886;padding:.25rem .5rem;text-align:left}"
)


def exported(session: SessionView, form: Literal["json", "md", "html"]) -> tuple[str, str]:
    """The media type and the text of the exported session."""
    if form == "json":
        return "application/json", session.model_dump_json(indent=2)
    if form == "md":
        return "text/markdown; charset=utf-8", markdown(session)
    return "text/html; charset=utf-8", page(session)


def facts(answer: QueryAnswer) -> list[tuple[str, str]]:
    """What is said of an answer beside its text."""
    sure = "not measured" if answer.confidence is None else f"{answer.confidence:.0%} ({answer.calibration})"
    rows = [
        ("Conclusion", answer.conclusion or "none stated"),
        ("Agreement", (answer.agreement or "none").replace("_", " ")),
        ("Confidence", sure),
        ("Calls", str(answer.calls)),
        (
            "Cost",
            f"${answer.total_cost:.6f}" + ("" if answer.cost_complete else " (some prices are unknown)"),
        ),
        ("Mode", answer.mode.replace("_", " ")),
    ]
    if answer.simulated:
        rows.insert(0, ("Simulated", "yes: sim/… seats are scripted, not language models"))
    if answer.builtin:
        rows.append(("Built-in solvers", ", ".join(answer.builtin)))
    if answer.degraded:
        rows.append(("Degraded", "; ".join(answer.warnings) or "a seat did not answer"))
    return rows


def markdown(session: SessionView) -> str:
    """The session as Markdown; what models said is quoted."""
    out = [f"# {session.title}", ""]
    for turn in session.turns:
        out += [f"## Question {turn.turn}", "", _quote(turn.query), ""]
        if turn.answer is None:
            out += [f"*{turn.status}* {(turn.error or {}).get('message', '')}".strip(), ""]
            continue
        out += ["### Answer", "", turn.answer.consensus or "", ""]
        out += [f"- **{name}**: {value}" for name, value in facts(turn.answer)] + [""]
        for point in turn.answer.points:
            out += [f"- {point.status}: {point.text} ({', '.join(point.members)})"]
        if turn.answer.citations:
            out += ["### Sources", ""]
            out += [f"- {_link(one)} ({', '.join(one.members)})" for one in turn.answer.citations] + [""]
        for dissent in turn.answer.dissent:
            out += [f"### Dissent: {dissent.member}", "", _quote(dissent.text), ""]
        for response in turn.answer.provider_responses:
            said = response.content or (response.error or {}).get("message", "not asked")
            out += [f"### {response.member}, round {response.round} ({response.role})", "", _quote(said), ""]
            out += [f"- {_link(one)}" for one in _pages(response)] + ([""] if response.citations else [])
    return "\n".join(out)


def page(session: SessionView) -> str:
    """The session as one HTML page; every text of a model is escaped."""
    out = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width'>",
        f"<title>{escape(session.title)}</title><style>{STYLE}</style><h1>{escape(session.title)}</h1>",
    ]
    for turn in session.turns:
        out.append(f"<h2>Question {turn.turn}</h2><pre>{escape(turn.query)}</pre>")
        if turn.answer is None:
            out.append(f"<p>{escape(turn.status)} {escape(str((turn.error or {}).get('message', '')))}</p>")
            continue
        out.append(f"<h3>Answer</h3><pre>{escape(turn.answer.consensus or '')}</pre><table>")
        out += [f"<tr><th>{name}<td>{escape(value)}" for name, value in facts(turn.answer)]
        out.append("</table>")
        if turn.answer.citations:
            out.append(f"<h3>Sources</h3>{_list(turn.answer.citations)}")
        for dissent in turn.answer.dissent:
            out.append(f"<h3>Dissent: {escape(dissent.member)}</h3><pre>{escape(dissent.text)}</pre>")
        for response in turn.answer.provider_responses:
            said = response.content or str((response.error or {}).get("message", "not asked"))
            title = f"{response.member}, round {response.round} ({response.role})"
            pages = _list(_pages(response)) if response.citations else ""
            out.append(
                f"<details><summary>{escape(title)}</summary><pre>{escape(said)}</pre>{pages}</details>"
            )
    return "\n".join(out)


def _pages(response: Response) -> list[CitationView]:
    """What a response cites, each page once."""
    return list({one.url: one for one in response.citations}.values())


def _link(page: SourceView | CitationView) -> str:
    """A page as a link in Markdown; neither its title nor its address can end the link."""
    title = re.sub(r"([\\\[\]<>*_`])", r"\\\1", " ".join((page.title or page.url).split()))
    address = re.sub(r"[<>\s]", "", page.url)
    return f"[{title}](<{address}>)"


def _list(pages: Sequence[SourceView | CitationView]) -> str:
    """Pages as links in HTML; citations hold addresses of the web only."""
    rows = [
        f'<li><a href="{escape(one.url)}" rel="noreferrer">{escape(one.title or one.url)}</a>'
        for one in pages
    ]
    return f"<ul>{''.join(rows)}</ul>"


def _quote(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())
