"""What callers can do with keys, organisations and stored credentials. Nothing here is an MCP tool."""

from quorum_mcp.access.ops.credentials import OPERATIONS as CREDENTIALS
from quorum_mcp.access.ops.keys import OPERATIONS as KEYS
from quorum_mcp.access.ops.organizations import OPERATIONS as ORGANIZATIONS

OPERATIONS = [*KEYS, *ORGANIZATIONS, *CREDENTIALS]
