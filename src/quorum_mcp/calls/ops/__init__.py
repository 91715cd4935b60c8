"""What callers can do with models, the records of calls, budgets and the cache."""

from quorum_mcp.calls.ops.budgets import OPERATIONS as BUDGETS
from quorum_mcp.calls.ops.cache import OPERATIONS as CACHE
from quorum_mcp.calls.ops.explain import OPERATIONS as EXPLAIN
from quorum_mcp.calls.ops.latencies import OPERATIONS as LATENCIES
from quorum_mcp.calls.ops.models import OPERATIONS as MODELS
from quorum_mcp.calls.ops.providers import OPERATIONS as PROVIDERS
from quorum_mcp.calls.ops.rates import OPERATIONS as RATES
from quorum_mcp.calls.ops.records import OPERATIONS as RECORDS

OPERATIONS = [*PROVIDERS, *LATENCIES, *MODELS, *RECORDS, *EXPLAIN, *RATES, *BUDGETS, *CACHE]
