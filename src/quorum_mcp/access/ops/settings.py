"""The effective settings, for the operator: every value, and where it came from."""

from typing import Any

from pydantic import BaseModel, Field

from quorum_mcp.access.ops.common import ADMIN, require_operator
from quorum_mcp.config.settings import Settings
from quorum_mcp.config.show import show
from quorum_mcp.operations.card import Empty, Http, Operation
from quorum_mcp.operations.context import Context


class SettingView(BaseModel):
    """One setting of the running server."""

    key: str = Field(description="Its dotted key in quorum.yaml, or its variable.")
    value: Any = Field(description="Its value; secrets are masked.")
    source: str = Field(
        description="Where the value came from: a variable, `.env`, quorum.yaml, the command line, or `default`."
    )


class SettingsView(BaseModel):
    """The settings that the server runs with; it read them when it was started."""

    settings: list[SettingView] = Field(description="In the order of quorum.yaml, variables last.")


async def show_settings(ctx: Context, _: Empty) -> SettingsView:
    """Every setting with its value and its source, secrets masked."""
    require_operator(ctx.principal, "see the settings")
    return SettingsView(settings=[SettingView(**row) for row in show(ctx.get(Settings))])


OPERATIONS = [
    Operation("settings.show", "The effective settings, and where each value came from.", show_settings, Empty,
              SettingsView, scopes=ADMIN, http=Http("GET", "/api/settings")),
]  # fmt: skip
