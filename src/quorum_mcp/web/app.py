"""What `python -m uvicorn quorum_mcp.web.app:app` serves."""

from quorum_mcp.api.deferred import Deferred
from quorum_mcp.app import served

app = Deferred(served)
