"""Which address an application that uvicorn imports can know it is served on."""

import pytest

from quorum_mcp.config.bind import uvicorn_host

UVICORN = "/usr/bin/uvicorn"


@pytest.mark.parametrize(
    ("argv", "env", "host"),
    [
        ([UVICORN, "a:b"], {}, "127.0.0.1"),
        (["/x/site-packages/uvicorn/__main__.py", "a:b"], {}, "127.0.0.1"),
        ([UVICORN, "a:b", "--host", "0.0.0.0"], {}, "0.0.0.0"),
        ([UVICORN, "a:b", "--host=::1"], {}, "::1"),
        ([UVICORN, "--host", "127.0.0.1", "a:b", "--host", "10.0.0.1"], {}, "10.0.0.1"),
        ([UVICORN, "a:b"], {"UVICORN_HOST": "0.0.0.0"}, "0.0.0.0"),
        ([UVICORN, "a:b", "--host", "127.0.0.1"], {"UVICORN_HOST": "0.0.0.0"}, "127.0.0.1"),
        ([UVICORN, "a:b"], {"UVICORN_HOST": ""}, "127.0.0.1"),
        ([UVICORN, "a:b", "--uds", "/tmp/s"], {}, None),
        ([UVICORN, "a:b", "--host", "127.0.0.1", "--fd=3"], {}, None),
        ([UVICORN, "a:b", "--host", "127.0.0.1"], {"UVICORN_FD": "3"}, None),
        (["/usr/bin/gunicorn", "a:b", "--host", "127.0.0.1"], {"UVICORN_HOST": "127.0.0.1"}, None),
        (["-c"], {}, None),
        ([], {}, None),
    ],
)
def test_the_host_of_a_command_line(argv: list[str], env: dict[str, str], host: str | None) -> None:
    assert uvicorn_host(argv, env) == host
