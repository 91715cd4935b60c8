"""What callers can ask of panels, and do with their sessions."""

from quorum_mcp.consensus.ops.ask import OPERATIONS as ASK
from quorum_mcp.consensus.ops.calibrate import OPERATIONS as CALIBRATE
from quorum_mcp.consensus.ops.sessions import OPERATIONS as SESSIONS
from quorum_mcp.consensus.ops.tools import OPERATIONS as TOOLS

OPERATIONS = [*ASK, *SESSIONS, *TOOLS, *CALIBRATE]
