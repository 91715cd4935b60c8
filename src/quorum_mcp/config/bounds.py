"""The types of single settings, with the bounds that are enforced when the configuration is read."""

from typing import Annotated, Literal

from msgspec import Meta

Port = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000_000)]
Seconds = Annotated[float, Meta(ge=0, le=31_536_000)]
Usd = Annotated[float, Meta(gt=0, le=1_000_000_000)]
Price = Annotated[float, Meta(ge=0, le=1_000_000)]
Share = Annotated[float, Meta(gt=0, le=1)]
Temperature = Annotated[float, Meta(ge=0, le=2)]
Text = Annotated[str, Meta(min_length=1)]
VariableName = Annotated[str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
Period = Literal["hourly", "daily", "weekly", "monthly", "total"]

MAX_MESSAGE = 1024 * 1024
"""Bytes of one message of a WebSocket; what is larger is uploaded (`POST /api/files`)."""
