"""Object identifiers and enumerations that the poller reads, without the leading dot.

Sources: RFC 3418 (SNMPv2-MIB), RFC 2863 (IF-MIB).
"""

from __future__ import annotations

SYS_DESCR = "1.3.6.1.2.1.1.1.0"
SYS_OBJECT_ID = "1.3.6.1.2.1.1.2.0"
"""Whose device it is: an OID below the vendor's."""
SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
"""Hundredths of a second since the agent started; 32 bits: wraps after 497 days."""
SYS_NAME = "1.3.6.1.2.1.1.5.0"
IF_TABLE_LAST_CHANGE = "1.3.6.1.2.1.31.1.5.0"
"""sysUpTime at which an interface last came or went."""

IF_NUMBER = "1.3.6.1.2.1.2.1.0"
"""How many interfaces there are."""
_IF_ENTRY = "1.3.6.1.2.1.2.2.1"
IF_INDEX = f"{_IF_ENTRY}.1"
IF_DESCR = f"{_IF_ENTRY}.2"
IF_TYPE = f"{_IF_ENTRY}.3"
IF_MTU = f"{_IF_ENTRY}.4"
IF_SPEED = f"{_IF_ENTRY}.5"
"""Bits per second; 4294967295 means that ifHighSpeed must be read."""
IF_ADMIN_STATUS = f"{_IF_ENTRY}.7"
IF_OPER_STATUS = f"{_IF_ENTRY}.8"
IF_IN_OCTETS = f"{_IF_ENTRY}.10"
IF_IN_UCAST_PKTS = f"{_IF_ENTRY}.11"
IF_IN_NUCAST_PKTS = f"{_IF_ENTRY}.12"
IF_IN_DISCARDS = f"{_IF_ENTRY}.13"
IF_IN_ERRORS = f"{_IF_ENTRY}.14"
IF_OUT_OCTETS = f"{_IF_ENTRY}.16"
IF_OUT_UCAST_PKTS = f"{_IF_ENTRY}.17"
IF_OUT_NUCAST_PKTS = f"{_IF_ENTRY}.18"
IF_OUT_DISCARDS = f"{_IF_ENTRY}.19"
IF_OUT_ERRORS = f"{_IF_ENTRY}.20"

_IFX_ENTRY = "1.3.6.1.2.1.31.1.1.1"
IF_NAME = f"{_IFX_ENTRY}.1"
IF_HC_IN_OCTETS = f"{_IFX_ENTRY}.6"
IF_HC_IN_UCAST_PKTS = f"{_IFX_ENTRY}.7"
IF_HC_IN_MULTICAST_PKTS = f"{_IFX_ENTRY}.8"
IF_HC_IN_BROADCAST_PKTS = f"{_IFX_ENTRY}.9"
IF_HC_OUT_OCTETS = f"{_IFX_ENTRY}.10"
IF_HC_OUT_UCAST_PKTS = f"{_IFX_ENTRY}.11"
IF_HC_OUT_MULTICAST_PKTS = f"{_IFX_ENTRY}.12"
IF_HC_OUT_BROADCAST_PKTS = f"{_IFX_ENTRY}.13"
IF_HIGH_SPEED = f"{_IFX_ENTRY}.15"
"""Millions of bits per second, rounded."""
IF_ALIAS = f"{_IFX_ENTRY}.18"
IF_COUNTER_DISCONTINUITY_TIME = f"{_IFX_ENTRY}.19"
"""sysUpTime at which the interface's counters last started anew."""

STATUS_UP = 1
STATUS_UNKNOWN = 4
"""Of ifAdminStatus and ifOperStatus; all others (down, testing, dormant, ...) carry no packets."""
