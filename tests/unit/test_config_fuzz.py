"""Whatever a quorum.yaml, a .env or a variable holds: settings or a ConfigError, nothing else."""

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import fields

from quorum_mcp.config.environment import VARIABLES
from quorum_mcp.config.load import load
from quorum_mcp.config.settings import Settings
from quorum_mcp.config.show import show
from quorum_mcp.errors import ConfigError

KNOWN = sorted(
    {info.name for info in fields(Settings)} | {"lab", "port", "wire", "base_url", "limit", "url", "auth"}
)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(KNOWN)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KNOWN) | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)
many = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


def attempt(tmp_path: Path, **env: str) -> None:
    try:
        show(load(env={"HOME": str(tmp_path)} | env, cwd=tmp_path, working_directory=True))
    except ConfigError as error:
        assert error.message  # noqa: PT017 - either outcome is right


@pytest.mark.timeout(60)
@many
@given(st.dictionaries(st.sampled_from(KNOWN), values, max_size=4))
def test_any_tree(tmp_path: Path, tree: dict[str, object]) -> None:
    (tmp_path / "quorum.yaml").write_text(yaml.safe_dump(tree, allow_unicode=True))
    attempt(tmp_path)


@pytest.mark.timeout(60)
@many
@given(st.binary(max_size=60) | st.text(alphabet="{}[]:,-&*!?|>'\"%@`# \n\tab1", max_size=40).map(str.encode))
def test_any_bytes(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "quorum.yaml").write_bytes(text)
    (tmp_path / ".env").write_bytes(text)
    attempt(tmp_path)


@pytest.mark.timeout(60)
@many
@given(st.sampled_from([name for _, names in VARIABLES for name in names]), st.text(max_size=20))
def test_any_variable(tmp_path: Path, name: str, text: str) -> None:
    attempt(tmp_path, **{name: text})
