"""What carries alerts out of the database, wired for one process."""

from quorum_mcp.config.settings import Settings
from quorum_mcp.notify.courier import Courier
from quorum_mcp.notify.feed import Feed
from quorum_mcp.notify.sender import Sender
from quorum_mcp.store.alerts import Alerts, Outbox
from quorum_mcp.store.database import Database
from quorum_mcp.store.deliveries import Deliveries


class Notifier:
    """Stores alerts (`outbox`), reads them (`alerts`), shows them live (`feed`), sends them to webhooks."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.database = database
        self.webhooks = settings.webhooks
        self.outbox = Outbox(settings.webhooks)
        self.alerts = Alerts(database)
        self.feed = Feed(self.alerts)
        self.deliveries = Deliveries(database)
        self.courier = Courier(self.deliveries, settings.webhooks, Sender(settings.env))

    def start(self) -> None:
        """Begin to send what is due."""
        self.courier.start()

    async def stop(self) -> None:
        """End."""
        await self.courier.stop()
        await self.feed.stop()
