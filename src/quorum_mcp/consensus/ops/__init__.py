"""What callers can ask of panels, and do with their sessions."""

from quorum_mcp.consensus.ops.ask import OPERATIONS as ASK
from quorum_mcp.consensus.ops.calibrate import OPERATIONS as CALIBRATE
from quorum_mcp.consensus.ops.comparing import OPERATIONS as COMPARING
from quorum_mcp.consensus.ops.orchestrator import OPERATIONS as ORCHESTRATOR
from quorum_mcp.consensus.ops.reviews import OPERATIONS as REVIEWS
from quorum_mcp.consensus.ops.sessions import OPERATIONS as SESSIONS
from quorum_mcp.consensus.ops.tasks import OPERATIONS as TASKS
from quorum_mcp.consensus.ops.tools import OPERATIONS as TOOLS

OPERATIONS = [*ASK, *SESSIONS, *TOOLS, *TASKS, *REVIEWS, *COMPARING, *ORCHESTRATOR, *CALIBRATE]
