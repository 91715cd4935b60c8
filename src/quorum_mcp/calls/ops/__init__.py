"""What callers can do with models and with the records of calls."""

from quorum_mcp.calls.ops.models import OPERATIONS as MODELS
from quorum_mcp.calls.ops.records import OPERATIONS as RECORDS

OPERATIONS = [*MODELS, *RECORDS]
