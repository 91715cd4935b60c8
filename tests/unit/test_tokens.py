"""Token counts: those of OpenAI's vocabulary, of any text, and soon."""

import random
import subprocess
import sys
import warnings

import pytest
from msgspec import structs

from quorum_mcp.calls.tokens import bound, count, count_messages
from quorum_mcp.messages import JsonFormat, ModelRequest, Tool, message

PIECES = [
    "<|endoftext|>",
    "hello ",
    " world",
    "é",
    "日本",
    "\n\n",
    "\t",
    "  ",
    "123456",
    "don't",
    "👍🏽",
    "=",
    "\x00",
]


def test_counts_are_those_of_the_whole_package() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import bpe_openai
    exact = bpe_openai.get_encoding("o200k_base").encode_ordinary
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(300):
        text = "".join(chance.choice(PIECES) for _ in range(chance.randrange(30)))
        assert count(text) == len(exact(text)), text


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("hello world", 2), ("a\ud800b", 3)])
def test_known_texts(text: str, tokens: int) -> None:
    assert count(text) == tokens


def test_a_message_has_a_frame() -> None:
    assert count_messages((message("user", "hello world"), message("assistant", ""))) == 2 + 4 + 4


def test_the_first_count_is_quick_and_reads_no_vocabulary_of_python() -> None:
    code = (
        "import sys, time; from quorum_mcp.calls.tokens import count; began = time.process_time(); count('x');"
        "print(time.process_time() - began, 'bpe_openai.registry' in sys.modules)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert float(out[0]) < 0.25
    assert out[1] == "False"


def test_the_bound_holds_tools_and_the_schema_of_the_answer() -> None:
    plain = ModelRequest("m", (message("user", "What is the weather?"),))
    schema = {"type": "object", "properties": {"city": {"type": "string", "description": "Where? " * 200}}}
    tooled = structs.replace(plain, tools=(Tool("weather", "Tells the weather.", schema),))
    formed = structs.replace(plain, format=JsonFormat(schema))
    assert bound(tooled) > bound(plain) + 400 + 530
    assert bound(formed) > bound(plain) + 400
