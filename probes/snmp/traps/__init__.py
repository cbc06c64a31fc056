"""Receives SNMP notifications: traps and informs of version 1, 2c and 3.

A trap is a hint, never the truth: it may be lost, forged or late. It says when to look, not what is so.
"""

from probes.snmp.traps.engine import Engine, engine_id
from probes.snmp.traps.meaning import Meaning, TrapKind
from probes.snmp.traps.receiver import TrapReceiver, open_socket
from probes.snmp.traps.verdict import Result, Sender

__all__ = ["Engine", "Meaning", "Result", "Sender", "TrapKind", "TrapReceiver", "engine_id", "open_socket"]
