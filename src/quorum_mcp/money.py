"""Money: integer nanodollars (1 USD = 1,000,000,000), so sums are exact."""

from decimal import Decimal

NANOS_PER_USD = 1_000_000_000


def from_usd(usd: float | str | Decimal) -> int:
    """Nanodollars of an amount in USD, to the nearest nanodollar."""
    return int((Decimal(str(usd)) * NANOS_PER_USD).to_integral_value())


def to_usd(nanos: int) -> float:
    """USD of an amount in nanodollars, for display and JSON."""
    return nanos / NANOS_PER_USD


def show(nanos: int | None) -> str:
    """A short amount for people: `$0.0123`, `$0` or `unknown`."""
    if nanos is None:
        return "unknown"
    usd = Decimal(nanos) / NANOS_PER_USD
    if usd == 0:
        return "$0"
    return (
        f"${usd:.2f}" if usd >= 1 else f"${usd:.4f}" if usd >= Decimal("0.01") else f"${usd:.9f}".rstrip("0")
    )


def rounded_up(total: int) -> int:
    """The cost in nanodollars of tokens times nanodollars per million of them, summed up: rounded up once."""
    return -(-total // 1_000_000)
