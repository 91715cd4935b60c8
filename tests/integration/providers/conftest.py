"""Servers and clients for the tests of the providers."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.conformance.aimock import running_aimock
from tests.integration.providers.byteserver import ByteServer, byte_server

from quorum_mcp.providers.transport import Transport


@pytest.fixture
async def server() -> AsyncIterator[ByteServer]:
    async with byte_server() as running:
        yield running


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    transport = Transport()
    yield transport
    await transport.close()


@pytest.fixture(scope="session")
def aimock() -> Iterator[str]:
    """The base URL of a provider server that we did not write."""
    with running_aimock() as url:
        yield url
