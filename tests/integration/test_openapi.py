"""The REST surface keeps the promises of its OpenAPI document, judged by schemathesis.

A short form runs here; QUORUM_LONG_FAULTS=1 makes it long. The seed is printed.
"""

import asyncio
import os
import random
import re
import sys
from pathlib import Path
from typing import get_args

import pytest
from tests.support.script import Kind
from tests.support.server import config, serving
from tests.support.upstream import upstream

pytestmark = pytest.mark.anyio

ANSWER = "Four.\nCONCLUSION: 4"
LONG = os.environ.get("QUORUM_LONG_FAULTS") == "1"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.timeout(900 if LONG else 150)
async def test_no_case_breaks_the_server_or_its_schemas(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    async with upstream() as up:
        for name in (
            "a",
            "b",
        ):  # one answer to every kind of prompt: a provider's 502 would be no fault of ours
            up.model(name, **dict.fromkeys(get_args(Kind), ANSWER))
        given = config(up.url) | {"panels": {"default": ["lab/a", "lab/b"]}}
        async with serving(tmp_path, given) as rest:
            process = await asyncio.create_subprocess_exec(
                *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{rest.url}/api/openapi.json"),
                *("--checks", CHECKS, "--seed", str(seed), "-n", "250" if LONG else "10", "--no-color"),
                *("--phases", "examples,fuzzing,stateful" if LONG else "fuzzing", "--request-timeout", "20"),
                *("--max-time", "800" if LONG else "35"),
                cwd=tmp_path,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            out, _ = await process.communicate()
    text = out.decode()
    found = re.search(r"(\d+) generated", text)
    print(f"seed {seed}, {found.group(1) if found else 'no'} cases")
    assert process.returncode == 0, text[-6000:]
    assert found
    assert int(found.group(1)) >= (5_000 if LONG else 200)
