"""Fixtures that every test may use."""

import os

import pytest
from tests.support import stores
from tests.support.stores import each_engine, sqlite_store, store
from tools.needs import NEEDS, found

__all__ = ("each_engine", "sqlite_store", "store")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--engine postgresql` runs every server and command of the tests on PostgreSQL."""
    parser.addoption("--engine", choices=("sqlite", "postgresql"), default="sqlite")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the database server that tests need, before the time of any of them is taken."""
    needed = {name for item in session.items for marker in item.iter_markers("needs") for name in marker.args}
    engine = session.config.option.engine
    stores.use(engine)
    if "postgresql" in needed | {engine} and found("postgresql") and not session.config.option.collectonly:
        stores.start(session.config._tmp_path_factory.getbasetemp())


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose programs are absent; in continuous integration that is a failure."""
    for marker in item.iter_markers("needs"):
        for name in marker.args:
            if found(name) is None:
                absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
                absent(f"{name} is missing: {NEEDS[name].hint}")
