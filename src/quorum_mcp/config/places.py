"""Where the configuration is looked for, and where data goes unless something else is said."""

from collections.abc import Mapping
from pathlib import Path

from quorum_mcp.errors import ConfigError

FILE_NAME = "quorum.yaml"


class Places:
    """The folders of one start.

    Args:
        env: the environment of the process (HOME, XDG_CONFIG_HOME, XDG_DATA_HOME).
        cwd: the working directory.
        working_directory: whether files of the working directory count. Only `serve` takes them: a cloned
            repository could else set a base URL or a command for whoever asks a question inside it.
    """

    def __init__(self, env: Mapping[str, str], cwd: Path, *, working_directory: bool) -> None:
        self.cwd = cwd
        self._env = env
        self._folders = [cwd] if working_directory else []
        self._folders.append(self._base("XDG_CONFIG_HOME", ".config") / "quorum")

    def dotenv(self) -> Path | None:
        """The `.env` that counts: the working directory's where allowed, else the user's."""
        return self._first(".env")

    def config_file(self, named: str | Path | None, by: str) -> Path | None:
        """The quorum.yaml that counts: the `named` one, else the working directory's, else the user's.

        Raises:
            ConfigError: the named file does not exist; `by` says who named it.
        """
        if named is None:
            return self._first(FILE_NAME)
        path = self.absolute(str(named))
        if not path.is_file():
            raise ConfigError(f"{by}: there is no file {path}")
        return path

    def absolute(self, path: str, base: Path | None = None) -> Path:
        """`path` with `~` expanded, relative ones below `base` (default: the working directory)."""
        if path == "~" or path.startswith("~/"):
            return self._home() / path[2:]
        return (base or self.cwd) / path

    def data(self) -> Path:
        """The folder for the database and the journal."""
        return self._base("XDG_DATA_HOME", ".local/share") / "quorum"

    def _first(self, name: str) -> Path | None:
        return next((path for folder in self._folders if (path := folder / name).is_file()), None)

    def _base(self, variable: str, below_home: str) -> Path:
        # The XDG rules say to ignore relative paths.
        value = Path(self._env.get(variable, ""))
        return value if value.is_absolute() else self._home() / below_home

    def _home(self) -> Path:
        return Path(self._env["HOME"]) if self._env.get("HOME") else Path.home()
