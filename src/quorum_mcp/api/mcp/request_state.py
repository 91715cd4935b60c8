"""The state of a call that asks its caller something first and goes on in the caller's next request.

It travels through the client, so it is encrypted, and bound to the request, to the caller and to a few minutes.
Behind a balancer the next request may reach another replica: the key comes from the shared master keys.
"""

from collections.abc import Callable

from mcp.server.context import CallNext, HandlerResult, ServerMiddleware
from mcp_types.methods import INPUT_REQUIRED_METHODS

from quorum_mcp.access.master_keys import MasterKeys, Sealed
from quorum_mcp.api.mcp.offers import Caller

Keys = Callable[[], MasterKeys]

SECONDS = 600.0
"""How long a person may take to answer."""
PURPOSE = "mcp: state of a request"


def sealing(audience: str, keys: Keys | None) -> ServerMiddleware[object]:
    """Seals what goes out and opens what comes back; a state that was changed is refused."""
    boundary: ServerMiddleware[object] | None = None

    async def middleware(ctx: Caller, call_next: CallNext) -> HandlerResult:
        nonlocal boundary
        if ctx.method not in INPUT_REQUIRED_METHODS:
            return await call_next(ctx)
        if boundary is None:
            boundary = _boundary(audience, keys)
        return await boundary(ctx, call_next)

    return middleware


def _boundary(audience: str, keys: Keys | None) -> ServerMiddleware[object]:
    """The SDK's own middleware. Imported late: cryptography is slow to load, and `initialize` needs none."""
    from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity

    if keys is None:
        policy = RequestStateSecurity.ephemeral(ttl=SECONDS)
    else:
        policy = RequestStateSecurity(codec=Codec(keys()), ttl=SECONDS, bind_principal=_principal)
    return RequestStateBoundary(policy, default_audience=audience)


def _principal(ctx: Caller) -> str | None:
    return None if ctx.request is None else str(ctx.request.state.principal.id)


class Codec:
    """Seals with the current master key, opens with whichever of them did."""

    def __init__(self, keys: MasterKeys) -> None:
        self._keys = keys

    def seal(self, payload: bytes) -> str:
        """A token that holds `payload`, which is JSON in ASCII."""
        return self._keys.current().seal(payload.decode("ascii"), PURPOSE).token

    def unseal(self, token: str) -> bytes:
        """What `seal` was given. Raises `InvalidRequestState` for anything else."""
        from mcp.server.request_state import InvalidRequestState

        sealed = Sealed.read(token)
        if sealed is None:
            raise InvalidRequestState("malformed")
        text = self._keys.open(sealed, PURPOSE)
        if text is None:
            raise InvalidRequestState("seal")
        return text.encode("ascii")
