"""The parts that know who may do what, wired to one database."""

from dataclasses import dataclass

from quorum_mcp.access.keys import Keys
from quorum_mcp.access.master_keys import MasterKeys
from quorum_mcp.access.vault import Providers, Vault
from quorum_mcp.config.settings import Settings
from quorum_mcp.store.api_keys import ApiKeys
from quorum_mcp.store.credentials import Credentials
from quorum_mcp.store.database import Database
from quorum_mcp.store.organizations import Organizations


@dataclass(frozen=True)
class Access:
    """Keys, organisations and stored credentials of one process."""

    keys: Keys
    organizations: Organizations
    vault: Vault

    @classmethod
    async def open(cls, settings: Settings, database: Database, providers: Providers) -> "Access":
        """Everything, with the stored credentials given to the providers.

        Raises:
            ConfigError: QUORUM_SECRET_KEY cannot be read.
        """
        master = MasterKeys.of(settings)
        keys = Keys(ApiKeys(database), master)
        vault = Vault(Credentials(database), master, providers)
        await keys.check()
        await vault.refresh()
        return cls(keys, Organizations(database), vault)

    @property
    def parts(self) -> tuple[object, ...]:
        """What operations ask for."""
        return self.keys, self.organizations, self.vault

    async def close(self) -> None:
        """Store what is still to be stored."""
        await self.keys.close()
