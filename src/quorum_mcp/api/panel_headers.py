"""What a panel's answer says in headers, for callers that see no field besides the answer."""

from typing import Any


def panel_headers(extension: dict[str, Any]) -> dict[str, str]:
    """Agreement, confidence, the number of those who dissent, and the session that holds everything."""
    said = {
        "x-quorum-agreement": extension["agreement"],
        "x-quorum-confidence": extension["confidence"],
        "x-quorum-dissent": len(extension["dissent"]),
        "x-quorum-session": extension["session_id"],
    }
    return {name: str(value) for name, value in said.items() if value is not None}
