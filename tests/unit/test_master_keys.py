"""Master keys: versions, files, what is derived from them."""

import asyncio
import re
import stat
import sys
from pathlib import Path

import pytest

from quorum_mcp.access.master_keys import FILE, MasterKey, MasterKeys, Sealed, parse
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import ConfigError, StoreUnavailable

ONE, TWO = "first-master-key-0001", "second-master-key-002"
SQLITE = "sqlite:////tmp/quorum.db"


def keys(folder: Path, secret: str | None = None, url: str = SQLITE) -> MasterKeys:
    return MasterKeys.of(Settings(home=str(folder), secret_key=secret, database_url=url))


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_one_value_is_version_one() -> None:
    assert [key.version for key in parse(ONE)] == [1]
    assert parse(ONE)[0].digest("x") == parse(f"1:{ONE}")[0].digest("x") == parse(f" {ONE} ")[0].digest("x")


def test_several_versions_in_the_order_they_are_written() -> None:
    assert [key.version for key in parse(f"2:{TWO},1:{ONE}")] == [2, 1]
    assert [key.version for key in parse(f" 1:{ONE} , 12:{TWO} ")] == [1, 12]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("short", "shorter than 16"),
        (f"2:{TWO},{ONE}", "part 2 has no version"),
        (f"2:{TWO},", "part 2 has no version"),
        (f"2:{TWO},2:{ONE}", "twice"),
        (f"0:{ONE}", "from 1 to"),
        (f"99999999999:{ONE}", "from 1 to"),
        ("2:short", "version 2 is shorter"),
        (f"2:{TWO},1:", "version 1 is shorter"),
        (f"2:{TWO},-1:{ONE}", "part 2 has no version"),
        (f"2:{TWO};1:{ONE},x:{ONE}", "part 2 has no version"),
    ],
)
def test_what_is_malformed_is_refused_without_repeating_it(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(why)) as caught:
        parse(text)
    said = f"{caught.value} {caught.value.hint}"
    assert ONE not in said
    assert TWO not in said
    assert "2:<key>,1:<key>" in said


def test_what_is_derived_differs_by_purpose_version_and_key() -> None:
    one, other = MasterKey(1, ONE), MasterKey(1, TWO)
    assert one.digest("qk_x") == MasterKey(9, ONE).digest("qk_x") != other.digest("qk_x")
    assert len({one._digest_key, one._sealing_key, ONE.encode(), other._digest_key, other._sealing_key}) == 5
    sealed = one.seal("secret", "openai")
    assert sealed.value != one.seal("secret", "openai").value
    assert b"secret" not in sealed.value
    assert one.open(sealed.value, "openai") == "secret"
    assert one.open(sealed.value, "anthropic") is None
    assert other.open(sealed.value, "openai") is None
    assert all(
        one.open(sealed.value[:at] + bytes([sealed.value[at] ^ 1]) + sealed.value[at + 1 :], "openai") is None
        for at in range(len(sealed.value))
    )
    assert one.open(b"", "openai") is one.open(b"x" * 12, "openai") is None


def test_rotation_opens_what_older_versions_sealed(tmp_path: Path) -> None:
    before = keys(tmp_path, ONE)
    sealed = before.current().seal("secret", "openai")
    after = keys(tmp_path, f"2:{TWO},1:{ONE}")
    assert after.current().version == 2
    assert after.open(sealed, "openai") == "secret"
    assert keys(tmp_path, f"2:{TWO}").open(sealed, "openai") is None
    assert keys(tmp_path, TWO).open(sealed, "openai") is None
    assert after.open(Sealed(2, sealed.value), "openai") is None


def test_the_file_is_made_once_and_read_by_its_owner_only(tmp_path: Path) -> None:
    made = keys(tmp_path)
    assert made.all() == ()
    digest = made.current().digest("x")
    file = tmp_path / FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (keys(tmp_path).current().version, keys(tmp_path).current().digest("x")) == (0, digest)
    assert names(tmp_path) == [FILE]


def test_the_file_stays_readable_beside_the_variable(tmp_path: Path) -> None:
    late = keys(tmp_path, ONE)
    assert [key.version for key in late.all()] == [1]
    sealed = keys(tmp_path).current().seal("secret", "openai")
    assert [key.version for key in late.all()] == [1, 0]  # made by another process meanwhile
    assert late.current().version == 1
    assert late.open(sealed, "openai") == "secret"


def test_no_file_is_made_for_postgresql(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no master key"):
        keys(tmp_path, None, "postgresql://host/db").current()
    assert names(tmp_path) == []


def test_a_broken_file_is_not_replaced(tmp_path: Path) -> None:
    for content in (b"", b"short\n", b"\xff" * 40):
        (tmp_path / FILE).write_bytes(content)
        with pytest.raises(ConfigError, match=re.escape(FILE)):
            keys(tmp_path).current()
        assert (tmp_path / FILE).read_bytes() == content


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be made"):
        keys(tmp_path / "absent").current()


@pytest.mark.anyio
@pytest.mark.timeout(30)
async def test_processes_that_start_at_once_share_one_file(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom quorum_mcp.access.master_keys import MasterKeys\n"
        "made = MasterKeys([], Path(sys.argv[1]), makes_file=True)\nsys.stdin.read(1)\n"
        "print(made.current().digest('x'))"
    )
    pipe = asyncio.subprocess.PIPE
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, str(tmp_path), stdin=pipe, stdout=pipe
        )
        for _ in range(6)
    ]
    outputs = await asyncio.gather(*(child.communicate(b"x") for child in children))
    assert len({out for out, _ in outputs}) == 1
    assert len(outputs[0][0].strip()) == 64
    assert names(tmp_path) == [FILE]
