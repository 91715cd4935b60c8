"""Requests in their callers' own words: what their APIs have in common."""

from collections.abc import Callable, Iterable

from msgspec import Raw

from quorum_mcp.messages import ModelRequest, Native

Fields = dict[str, Raw]
"""What stands in a body, each as the JSON that stood there."""


def native(
    wire: str,
    body: bytes,
    fields: Fields,
    read: Callable[[], ModelRequest],
    *,
    priced: frozenset[str],
    media: Iterable[bytes],
    tools: bool,
    choices: int = 1,
    usage: bool = True,
) -> Native:
    """The request as it was written.

    Args:
        wire: whose words they are.
        body: the whole request.
        fields: what stands in it.
        read: gives it in our words.
        priced: the fields whose effect on the cost is known.
        media: what marks images, sounds and files in it.
        tools: whether it offers tools, or results of some.
        choices: how many answers are asked for.
        usage: whether its caller wants to be told what a stream used.
    """
    unpriced = () if fields.keys() <= priced else tuple(sorted(fields.keys() - priced))
    return Native(wire, fields, len(body), read, choices, sum(map(body.count, media)), tools, unpriced, usage)
