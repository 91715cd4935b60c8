"""Responses that callers may go on from: what was asked and what came back, as their API shows it."""

from msgspec import Struct, structs
from sqlalchemy import Connection, delete, select, update

from quorum_mcp.errors import InvalidInput, NotFound
from quorum_mcp.store.clock import now_us
from quorum_mcp.store.database import Database
from quorum_mcp.store.dialect import changed
from quorum_mcp.store.tables import responses

LONGEST = 200
"""Responses that one may follow on."""


class Stored(Struct, frozen=True, kw_only=True):
    """One response: `input` is JSON of its input's items, `output` JSON of the response; `previous` came before."""

    id: str
    tenant: str
    previous: str | None
    input: str
    output: str
    created_at: int = 0


class Responses:
    """The stored responses of this database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, response: Stored) -> None:
        """Store a response."""
        row = structs.asdict(response) | {"created_at": now_us()}
        await self._database.write(lambda conn: conn.execute(responses.insert(), row) and None)

    async def get(self, response_id: str, *, tenant: str) -> Stored | None:
        """One response; None where the tenant has none of this id."""
        return await self._database.read(lambda conn: _get(conn, response_id, tenant))

    async def chain(self, last: str | None, *, tenant: str) -> list[Stored]:
        """The response `last` and those before it, oldest first.

        Raises:
            NotFound: the tenant has no such response, or not any more.
            InvalidInput: it has more before it than `LONGEST`.
        """

        def body(conn: Connection) -> list[Stored]:
            found: list[Stored] = []
            name = last
            while name is not None:
                one = _get(conn, name, tenant)
                if one is None:
                    raise NotFound(f"there is no response {name}", hint="leave previous_response_id out")
                if len(found) == LONGEST:
                    raise InvalidInput(f"more than {LONGEST} responses came before", hint="begin anew")
                found.append(one)
                name = one.previous
            return found[::-1]

        return await self._database.read(body)

    async def swap(self, known: Stored, output: str) -> bool:
        """Replace a response's output; False where it is not as `known` any more, or gone."""
        statement = (
            update(responses)
            .where(
                responses.c.id == known.id,
                responses.c.tenant == known.tenant,
                responses.c.output == known.output,
            )
            .values(output=output)
        )
        return await self._database.write(lambda conn: changed(conn.execute(statement)) > 0)

    async def delete(self, response_id: str, *, tenant: str) -> bool:
        """Delete a response; False where the tenant has none of this id."""
        statement = delete(responses).where(responses.c.id == response_id, responses.c.tenant == tenant)
        return await self._database.write(lambda conn: changed(conn.execute(statement)) > 0)


def _get(conn: Connection, response_id: str, tenant: str) -> Stored | None:
    statement = select(responses).where(responses.c.id == response_id, responses.c.tenant == tenant)
    row = conn.execute(statement).mappings().first()
    return None if row is None else Stored(**dict(row))
