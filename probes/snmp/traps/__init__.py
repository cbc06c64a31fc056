"""Receives SNMP notifications: traps and informs of version 1, 2c and 3.

A trap is a hint, never the truth: it may be lost, forged or late. It says when to look, not what is so.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from probes.snmp.traps.identity import engine_id
from probes.snmp.traps.meaning import Meaning, TrapKind
from probes.snmp.traps.sockets import open_socket
from probes.snmp.traps.verdict import OnTrap, Result, Sender

if TYPE_CHECKING:
    from probes.snmp.traps.receiver import TrapReceiver

__all__ = [
    "Meaning",
    "OnTrap",
    "Result",
    "Sender",
    "TrapKind",
    "engine_id",
    "open_receiver",
    "open_socket",
]


def open_receiver(
    opened: socket.socket, name: str, on_trap: OnTrap, *, started_at: float, monotonic: Callable[[], float]
) -> TrapReceiver:
    """A receiver of what comes to `opened`. `name`: of this installation; `started_at`: seconds since the
    epoch. It is here that pysnmp is loaded, which nobody else needs."""
    from probes.snmp.traps.engine import Engine
    from probes.snmp.traps.receiver import TrapReceiver

    engine = Engine(name, started_at=started_at, monotonic=monotonic)
    return TrapReceiver(opened, engine, on_trap, monotonic=monotonic)
