"""A budget as the pipeline sees it."""

from typing import Literal

from msgspec import Struct

from quorum_mcp import money
from quorum_mcp.config.bounds import Period
from quorum_mcp.store.budgets import BudgetRow

Origin = Literal["config", "user", "environment", "default"]


class Budget(Struct, frozen=True, kw_only=True):
    """A limit in nanodollars for each period, of all calls or of those of one provider, tenant or key.

    Attributes:
        origin: who set it: quorum.yaml, somebody at run time, a variable of the environment, nobody.
        title: what it is called where it is not one of a kind.
        created_at: when it was first set, microseconds since 1970; 0: always there. `updated_at`: last.
    """

    id: str
    period: Period
    amount: int
    provider: str | None = None
    tenant: str | None = None
    key_id: str | None = None
    alert_threshold: float = 0.8
    enforce: bool = True
    origin: Origin = "user"
    title: str | None = None
    created_at: int = 0
    updated_at: int = 0

    @classmethod
    def of(cls, row: BudgetRow) -> "Budget":
        """A stored budget."""
        return cls(
            id=row.id,
            period=row.period,
            amount=row.amount,
            provider=row.provider,
            tenant=row.tenant,
            key_id=row.key_id,
            alert_threshold=row.alert_threshold,
            enforce=row.enforce,
            origin=row.origin,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )

    @property
    def strict(self) -> bool:
        """Whether somebody wants it to hold: a model without a known price is refused then."""
        return self.enforce and self.origin != "default"

    @property
    def stored(self) -> bool:
        """Whether it is a row of the database; the others are the settings of each process."""
        return self.origin in ("config", "user")

    @property
    def universal(self) -> bool:
        """Whether it is about all calls."""
        return self.provider is None and self.tenant is None and self.key_id is None

    def concerns(self, provider: str, tenant: str, key_id: str | None) -> bool:
        """Whether a call of a provider, for a tenant and a key, counts."""
        return (
            self.provider in (None, provider)
            and self.tenant in (None, tenant)
            and (self.key_id is None or self.key_id == key_id)
        )

    def describe(self) -> str:
        """As in `daily budget of $10.00 for openai`."""
        name = self.title or ("total budget" if self.period == "total" else f"{self.period} budget")
        parts = [f"{name} of {money.show(self.amount)}"]
        parts += [f"for {self.provider}"] if self.provider else []
        if self.key_id:
            parts.append(f"for the key {self.key_id}")
        elif self.tenant:
            parts.append(f"for the organisation {self.tenant}")
        return " ".join(parts)
