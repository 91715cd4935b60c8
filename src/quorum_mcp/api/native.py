"""Requests in their callers' own words: what their APIs have in common."""

from collections.abc import Callable

from msgspec import Raw

from quorum_mcp.messages import ModelRequest, Native

ABSENT = Raw()
"""A field that is not there, of those that are left as they are written."""
Fields = dict[str, Raw]
"""What stands in a body, each as the JSON that stood there."""


def native(
    wire: str,
    size: int,
    fields: Fields,
    read: Callable[[], ModelRequest],
    *,
    priced: frozenset[str],
    media: int,
    tools: bool,
    choices: int = 1,
    usage: bool = True,
) -> Native:
    """The request as it was written.

    Args:
        wire: whose words they are.
        size: bytes of the body.
        fields: what stands in it.
        read: gives it in our words.
        priced: the fields whose effect on the cost is known.
        media: how many images, sounds and files stand in it.
        tools: whether it offers tools, or results of some.
        choices: how many answers are asked for.
        usage: whether its caller wants to be told what a stream used.
    """
    unpriced = () if fields.keys() <= priced else tuple(sorted(fields.keys() - priced))
    return Native(wire, fields, size, read, choices, media, tools, unpriced, usage)
