"""The OpenAPI document names every route of the vendors' APIs that is served, and no other."""

import re

from starlette.routing import Route

from quorum_mcp.api.gemini.dialect import METHODS
from quorum_mcp.api.model_openapi import ROUTES
from quorum_mcp.api.openapi import document
from quorum_mcp.api.server import Holder, _routes

OWN = (
    "/v1/orchestrate/{operation}",
    "/api/session/{session_id}/events",
    "/api/openapi.json",
    "/api/docs",
    "/metrics",
    "/mcp",
)


def served() -> set[tuple[str, str]]:
    """The vendors' routes, as the document spells them."""
    found = set[tuple[str, str]]()
    rest = {
        path
        for path, methods in document()["paths"].items()
        if not any("tags" in one for one in methods.values())
    }
    for route in _routes(Holder()):
        if not isinstance(route, Route):
            continue
        path = re.sub(r":path}", "}", route.path)
        if path in OWN or not path.startswith(("/v1", "/api/")):
            continue
        if path in rest or path.startswith(("/api/health", "/api/login", "/api/logout")):
            continue
        paths = [f"/v1beta/models/{{model}}:{method}" for method in METHODS] if "{model}" in path else [path]
        found |= {(method, one) for method in (route.methods or set()) - {"HEAD"} for one in paths}
    return found


def test_every_route_of_a_vendor_is_described() -> None:
    assert served() == {(route.method, route.path) for route in ROUTES}
