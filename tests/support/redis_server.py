"""A Redis server of the test's own."""

from collections.abc import Iterator

import pytest
from tools.redis import Server, server


@pytest.fixture
def redis_server() -> Iterator[Server]:
    """A running server, empty at first; the test needs `redis`."""
    with server() as own:
        yield own
