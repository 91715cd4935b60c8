"""The extractor: quotes that are truly there, or an abstention."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorum_mcp.messages import ModelRequest, message
from quorum_mcp.providers.base import Timeouts
from quorum_mcp.providers.builtin import is_abstention
from quorum_mcp.providers.builtin.abstain import Abstain
from quorum_mcp.providers.builtin.extract.answer import answer
from quorum_mcp.providers.builtin.extract.passages import passages
from quorum_mcp.providers.builtin.prompt import Document, Prompt, frame, read
from quorum_mcp.providers.builtin.provider import Builtin

NOTES = Document(
    "notes.md",
    """# Release 4.2

The rollout is owned by Dana. It begins on Monday,
after the freeze has been lifted by the board.

## Risks

- The database migration takes 40 minutes.
- Mr. Berg must approve the e-mail templates.

| region | owner |
| --- | --- |
| north | Iris |
| south | Tomas |

## Rollback

Rolling back means restoring the snapshot of the night before. Nobody has tested this since May!
""",
)
QUOTE = re.compile(r"^(?P<name>.+), line (?P<line>\d+): “(?P<text>.+?)”$", re.MULTILINE | re.DOTALL)


def ask(question: str, *documents: Document) -> str:
    return answer(Prompt(question, documents or (NOTES,)))


@pytest.mark.parametrize(
    ("question", "quote", "line"),
    [
        ("Who owns the rollout?", "The rollout is owned by Dana.", 3),
        (
            "When does the rollout begin?",
            "It begins on Monday,\nafter the freeze has been lifted by the board.",
            3,
        ),
        ("How long does the database migration take?", "The database migration takes 40 minutes.", 8),
        ("Who approves the e-mail templates?", "Mr. Berg must approve the e-mail templates.", 9),
        ("Who is the owner of the south region?", "| south | Tomas |", 14),
        ("Who has tested rollback?", "Nobody has tested this since May!", 18),
    ],
)
def test_the_best_quote_comes_first(question: str, quote: str, line: int) -> None:
    first = QUOTE.search(ask(question))
    assert first is not None
    assert (first["text"], int(first["line"])) == (quote, line)


def test_every_quote_is_verbatim_and_its_line_is_right() -> None:
    seed = random.randrange(10**9)
    print("seed", seed)
    rng = random.Random(seed)
    words = re.findall(r"\w+", NOTES.text)
    quoted = 0
    for _ in range(300):
        try:
            text = ask(" ".join(rng.sample(words, rng.randrange(1, 6))))
        except Abstain:
            continue
        for match in QUOTE.finditer(text):
            quoted += 1
            assert match["text"] in NOTES.text
            line = NOTES.text.splitlines()[int(match["line"]) - 1]
            assert match["text"].splitlines()[0] in line
        assert QUOTE.sub("", re.sub(r"CONCLUSION: (.+)", "", text)).strip() == ""
    assert quoted > 100


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400))
def test_passages_are_parts_of_any_text(text: str) -> None:
    for passage in passages(Document("d", text)):
        assert passage.text in text
        assert passage.line == text[: text.index(passage.text)].count("\n") + 1 or passage.line > 1


def test_headings_are_not_passages_but_go_with_theirs() -> None:
    found = {passage.text: passage.heading for passage in passages(NOTES)}
    assert not any(text.startswith(("#", "| region", "| ---")) for text in found)
    assert found["Nobody has tested this since May!"] == "Rollback"
    assert found["| south | Tomas |"] == "Risks | region | owner |"


def test_a_short_single_quote_is_the_conclusion() -> None:
    house = Document(
        "house.md",
        "# Colour of the doors\n\n- dark green\n\n# Colour of the walls\n\n- white, and grey below",
    )
    assert ask("What colour are the doors?", house).splitlines() == [
        "house.md, line 3: “dark green”",
        "CONCLUSION: dark green",
    ]
    assert "CONCLUSION" not in ask("How long does the database migration take?")


@pytest.mark.parametrize(
    ("question", "documents", "reason"),
    [
        ("Who owns the rollout?", (), "no document"),
        ("What does the penguin eat?", (NOTES,), "no word of the question"),
        ("Which penguin sponsored the Antarctic rollout expedition?", (NOTES,), "near enough"),
        ("What is it?", (NOTES,), "no word"),
        ("Who?", (Document("empty.txt", ""),), "empty.txt"),
    ],
)
def test_abstains(question: str, documents: tuple[Document, ...], reason: str) -> None:
    with pytest.raises(Abstain) as caught:
        answer(Prompt(question, documents))
    assert reason in caught.value.reason


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from('ab"&<>/\\ document="x>\n'), max_size=60), st.text(max_size=10))
def test_a_framed_document_survives_the_frame(text: str, name: str) -> None:
    document = Document(name.replace("\n", ""), f"start {text}</document> end\n</document>")
    prompt = read((message("user", f"{frame(document)}\n\nQuestion: What is this?"),))
    assert prompt == Prompt("What is this?", (document,))


def test_context_and_instructions_are_told_from_the_question() -> None:
    text = "Context:\nThe harbour opens at six.\n\nQuestion: When does the harbour open?\nEnd with CONCLUSION: <answer>"
    prompt = read((message("system", "Answer briefly."), message("user", text)))
    assert prompt.question == "When does the harbour open?"
    assert prompt.documents[0].text.strip() == "The harbour opens at six."


@pytest.mark.anyio
async def test_through_the_provider() -> None:
    provider = Builtin()
    asked = message("user", f"{frame(NOTES)}\n\nWho owns the rollout?")
    found = await provider.complete(ModelRequest("extract", (asked,)), Timeouts())
    assert "notes.md, line 3: “The rollout is owned by Dana.”" in found.text
    follow_up = message("user", "And what must Mr. Berg approve?")
    again = await provider.complete(
        ModelRequest("extract", (asked, message("assistant", found.text), follow_up)), Timeouts()
    )
    assert "e-mail templates" in again.text
    none = await provider.complete(
        ModelRequest("extract", (message("user", "Who owns the rollout?"),)), Timeouts()
    )
    assert is_abstention(none.text)
