"""What is done to old records in the background: figures are put together, records deleted."""

import logging
import time

from quorum_mcp.store.clock import now_us
from quorum_mcp.store.database import Database
from quorum_mcp.store.folding import DAY, fold
from quorum_mcp.store.retention import forget

log = logging.getLogger(__name__)

PAUSE_SECONDS = 600.0
TURN_SECONDS = 0.5
"""What takes longer is gone on with in the next turn: others have something to do, too."""


class Upkeep:
    """Looks after one database; every process may have one.

    Args:
        database: whose records.
        retention_days: how long records are kept.
    """

    def __init__(self, database: Database, retention_days: int) -> None:
        self._database = database
        self._days = retention_days
        self._next = 0.0
        self._thorough = True

    async def turn(self) -> None:
        """Do some of what there is to do; returns at once where something was done not long ago.

        Raises:
            StoreUnavailable: the database cannot be written now.
        """
        began, now = time.monotonic(), now_us()
        if began < self._next:
            return
        end = began + TURN_SECONDS
        folded, ready = await fold(self._database, now, thorough=self._thorough, end=end)
        deleted, clean = await forget(self._database, now - self._days * DAY, end)
        if folded or deleted:
            log.info("upkeep: %d slots of figures put together, %d old records deleted", folded, deleted)
        if ready and clean:
            self._next = began + PAUSE_SECONDS
            self._thorough = False
