"""Who we are to SNMP devices."""

from __future__ import annotations

_ENTERPRISE = 20408
"""pysnmp's number; the text behind it is ours."""
_TEXT_FORMAT = 4
_TEXT_MAX = 27


def engine_id(name: str) -> bytes:
    """An engine ID that stays the same as long as the name does (RFC 3411, SnmpEngineID): some devices must
    be told it before they can send informs."""
    text = name.encode("ascii", "replace")[:_TEXT_MAX]
    return (1 << 31 | _ENTERPRISE).to_bytes(4, "big") + bytes([_TEXT_FORMAT]) + text
