"""What stands in the store of a conversation: the responses before, and items that are named instead of sent."""

from typing import Any

from quorum_mcp import codec
from quorum_mcp.api.openai.responses.background import RUNNING, now
from quorum_mcp.api.openai.responses.request import ResponseRequest
from quorum_mcp.api.openai.responses.translate import references
from quorum_mcp.errors import Conflict, NotFound
from quorum_mcp.store.responses import Responses as Store
from quorum_mcp.store.responses import Stored

Json = dict[str, Any]


class Earlier:
    """What a request refers to, once it was looked up."""

    def __init__(self, asked: ResponseRequest) -> None:
        self._previous = asked.previous_response_id
        self._wanted = references(asked)
        self.items: list[Json] = []
        """The items of the responses before."""
        self.named: dict[str, Json] = {}
        """The items that the input refers to, by id."""

    def __bool__(self) -> bool:
        """Whether the request refers to anything."""
        return bool(self._previous or self._wanted)

    async def look_up(self, store: Store, tenant: str) -> None:
        """Find it all.

        Raises:
            NotFound: something of it is not there, or not any more.
            Conflict: a response before is still under way.
        """
        chain = await store.chain(self._previous, tenant=tenant)
        self.items = [item for one in chain for item in _items(one)]
        for name in self._wanted:
            self.named[name] = await _find(store, name, tenant)


async def _find(store: Store, name: str, tenant: str) -> Json:
    """The item of that id; the id says in which response it stands."""
    found = await store.get(f"resp_{name.partition('_')[2].rpartition('_')[0]}", tenant=tenant)
    item = next((one for one in _items(found) if one.get("id") == name), None) if found else None
    if item is None:
        raise NotFound(f"there is no item {name}", hint="send the item itself")
    return item


def _items(one: Stored) -> list[Json]:
    """What a stored response adds to a conversation: its input and its output."""
    output = now(one)
    if output["status"] in RUNNING:
        raise Conflict(f"{one.id} is still under way", hint="wait until it is completed")
    return [*codec.decode(one.input), *output["output"]]
