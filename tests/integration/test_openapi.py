"""The REST surface and the model routes keep the promises of the OpenAPI document, judged by schemathesis.

Once as the operator, who may do everything, and then with keys of an organisation that may do little.
The model routes are asked with bodies that are nearly right, too, so that some get as far as a model. A short form runs here; QUORUM_LONG_FAULTS=1 makes it long. The seed is printed.
"""

import asyncio
import json
import os
import random
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.support.rest import Rest
from tests.support.script import Kind
from tests.support.server import config, serving
from tests.support.upstream import upstream

LONG = os.environ.get("QUORUM_LONG_FAULTS") == "1"
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(1800 if LONG else 150)]

ANSWER = "Four.\nCONCLUSION: 4"
KEY = "a-long-bootstrap-key"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
LIMITED: dict[str, dict[str, Any]] = {
    "asks and reads": {"scopes": ["ask", "read"], "models": ["lab/a"], "requests_per_minute": 600},
    "reads": {"scopes": ["read"]},
    "all but the operator's": {"scopes": ["ask", "read", "write", "admin"]},
}
"""Keys of an organisation, by what they may do."""
_TEXT: dict[str, Any] = {"type": "string"}
_OBJECT: dict[str, Any] = {"type": "object"}


def _shape(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(fields), "properties": fields, "additionalProperties": False}


_PART = {"anyOf": [_shape(type={"enum": ["text", "input_text", "output_text"]}, text=_TEXT), _OBJECT]}
_CONTENT = {"anyOf": [_TEXT, {"type": "array", "items": _PART}]}
_TURN = _shape(role={"enum": ["user", "assistant", "system", "developer", "tool"]}, content=_CONTENT)
_CALL = _shape(type={"const": "function_call"}, call_id=_TEXT, name=_TEXT, arguments=_TEXT)
_RESULT = _shape(type={"const": "function_call_output"}, call_id=_TEXT, output=_CONTENT)
_REFERENCE = _shape(type={"const": "item_reference"}, id=_TEXT)
_THOUGHT = _shape(
    type={"const": "reasoning"}, summary={"type": "array", "items": _PART}, encrypted_content=_TEXT
)
_ITEM = {"anyOf": [_TURN, _CALL, _RESULT, _REFERENCE, _THOUGHT]}
_FUNCTION = _shape(name=_TEXT, parameters=_OBJECT)
_TOOL = {"anyOf": [
    _shape(type={"const": "function"}, function=_FUNCTION), _shape(type={"const": "function"}, name=_TEXT),
    _shape(name=_TEXT, input_schema=_OBJECT), _shape(functionDeclarations={"type": "array", "items": _FUNCTION}),
]}  # fmt: skip
FORMS: dict[str, list[Any]] = {
    "messages": [{"type": "array", "items": _TURN, "minItems": 1}],
    "input": [{"type": "array", "items": _ITEM, "minItems": 1}],
    "contents": [{"type": "array", "items": _shape(role={"enum": ["user", "model"]}, parts={"type": "array", "items": _shape(text=_TEXT)})}],
    "tools": [{"type": "array", "items": _TOOL}],
    "include": [{"type": "array", "items": {"enum": ["reasoning.encrypted_content"]}}],
    "requests": [{"type": "array", "items": _shape(model=_TEXT, content=_shape(parts={"type": "array", "items": _shape(text=_TEXT)}))}],
}  # fmt: skip
"""Forms of fields that the document leaves open."""
MODEL = {"enum": ["lab/a", "a", "quorum/quick", "quorum/none", "none"]}


@asynccontextmanager
async def served(home: Path) -> AsyncGenerator[Rest, None]:
    """A server whose models answer every kind of prompt alike: a provider's 502 would be no fault of ours."""
    async with upstream() as up:
        for name in ("a", "b"):
            up.model(name, **dict.fromkeys(get_args(Kind), ANSWER))
        given = config(up.url) | {"panels": {"default": ["lab/a", "lab/b"]}}
        async with serving(home, given, QUORUM_BOOTSTRAP_KEY=KEY) as rest:
            rest.headers["authorization"] = f"Bearer {KEY}"
            yield rest


async def described(rest: Rest, *, models: bool) -> dict[str, Any]:
    """The document, with the model routes alone or without them."""
    document = (await rest.get("/api/openapi.json")).body
    vendors = {
        path for path, methods in document["paths"].items() if any("tags" in one for one in methods.values())
    }
    assert len(vendors) >= 15
    document["paths"] = {path: one for path, one in document["paths"].items() if (path in vendors) == models}
    return document


def nearly_right(document: dict[str, Any]) -> dict[str, Any]:
    """The document, asking for a model that there is, with turns and tools of nearly the vendors' forms."""
    for name, schema in document["components"]["schemas"].items():
        if not name.endswith("Request"):
            continue
        fields = schema.get("properties", {})
        for field in set(fields) & set(FORMS):
            fields[field] = {"anyOf": [*FORMS[field], fields[field]]}
        if "model" in fields:
            fields["model"] = MODEL
    for methods in document["paths"].values():
        for one in methods.values():
            for parameter in one.get("parameters", []):
                if parameter["name"] == "model":
                    parameter["schema"] = MODEL
    return document


async def conforms(rest: Rest, key: str, home: Path, document: dict[str, Any], *, each: int) -> int:
    """How many cases schemathesis made, up to `each` an operation; fails where one breaks a promise."""
    seed = random.SystemRandom().randrange(10**6)
    (home / "openapi.json").write_text(json.dumps(document))
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("schemathesis")), "run", "openapi.json", "--url", rest.url),
        *("-H", f"Authorization: Bearer {key}", "--checks", CHECKS, "--seed", str(seed), "-n", str(each)),
        *("--phases", "examples,fuzzing,stateful" if LONG else "fuzzing", "--request-timeout", "20"),
        *("--no-color", "--continue-on-failure"),
        cwd=home,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await process.communicate()
    except BaseException:
        process.kill()
        raise
    text = out.decode()
    found = re.search(r"(\d+) generated", text)
    print(f"seed {seed}, {found.group(1) if found else 'no'} cases")
    assert process.returncode == 0, f"seed {seed}\n{text[-8000:]}"
    assert found, text[-6000:]
    return int(found.group(1))


async def test_no_case_breaks_the_server_or_its_schemas(tmp_path: Path) -> None:
    async with served(tmp_path) as rest:
        document = await described(rest, models=False)
        cases = await conforms(rest, KEY, tmp_path, document, each=160 if LONG else 10)
    assert cases >= (5_000 if LONG else 300)


async def test_no_case_breaks_a_model_route(tmp_path: Path) -> None:
    async with served(tmp_path) as rest:
        document = nearly_right(await described(rest, models=True))
        cases = await conforms(rest, KEY, tmp_path, document, each=80 if LONG else 8)
        reached = (await rest.get("/api/stats"))["calls"]
    assert cases >= (1_000 if LONG else 100)
    assert reached >= cases / 100


@pytest.mark.parametrize("kind", LIMITED if LONG else ["asks and reads"])
async def test_nor_does_one_of_a_key_that_may_do_little(tmp_path: Path, kind: str) -> None:
    async with served(tmp_path) as rest:
        made = await rest.post("/api/organizations", {"name": "acme"})
        assert made.status == 200, made.body
        key = await rest.post("/api/keys", {"name": kind, "organization": "acme"} | LIMITED[kind])
        assert key.status == 200, key.body
        document = await described(rest, models=False)
        cases = await conforms(rest, key["key"], tmp_path, document, each=40 if LONG else 3)
        assert (await rest.get("/api/health")).status == 200
    assert cases >= (800 if LONG else 100)
