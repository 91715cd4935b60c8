"""What callers can do with keys, organisations, stored credentials and the settings. Nothing here is an MCP tool."""

from quorum_mcp.access.ops.credentials import OPERATIONS as CREDENTIALS
from quorum_mcp.access.ops.keys import OPERATIONS as KEYS
from quorum_mcp.access.ops.organizations import OPERATIONS as ORGANIZATIONS
from quorum_mcp.access.ops.settings import OPERATIONS as SETTINGS
from quorum_mcp.access.ops.whoami import OPERATIONS as WHOAMI

OPERATIONS = [*KEYS, *ORGANIZATIONS, *CREDENTIALS, *SETTINGS, *WHOAMI]
