"""Fixtures that every test may use."""

import os

import pytest
from tools.needs import NEEDS, found


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose programs are absent; in continuous integration that is a failure."""
    for marker in item.iter_markers("needs"):
        for name in marker.args:
            if found(name) is None:
                absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
                absent(f"{name} is missing: {NEEDS[name].hint}")
