"""The REST surface keeps the promises of its OpenAPI document, judged by schemathesis.

Once as the operator, who may do everything, and then with keys of an organisation that may do little.
A short form runs here; QUORUM_LONG_FAULTS=1 makes it long. The seed is printed.
"""

import asyncio
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


async def conforms(rest: Rest, key: str, home: Path, *, each: int) -> int:
    """How many cases schemathesis made, up to `each` an operation; fails where one breaks a promise."""
    seed = random.SystemRandom().randrange(10**6)
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{rest.url}/api/openapi.json"),
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
        cases = await conforms(rest, KEY, tmp_path, each=160 if LONG else 10)
    assert cases >= (5_000 if LONG else 300)


@pytest.mark.parametrize("kind", LIMITED if LONG else ["asks and reads"])
async def test_nor_does_one_of_a_key_that_may_do_little(tmp_path: Path, kind: str) -> None:
    async with served(tmp_path) as rest:
        made = await rest.post("/api/organizations", {"name": "acme"})
        assert made.status == 200, made.body
        key = await rest.post("/api/keys", {"name": kind, "organization": "acme"} | LIMITED[kind])
        assert key.status == 200, key.body
        cases = await conforms(rest, key["key"], tmp_path, each=40 if LONG else 3)
        assert (await rest.get("/api/health")).status == 200
    assert cases >= (800 if LONG else 100)
