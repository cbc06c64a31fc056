"""SNMP v1, v2c and v3: interfaces with their traffic, errors and state; by the vendor's profile processors,
memory, temperatures, optical power, fans, power supplies, UPS and BGP peers.
"""

from probes.snmp.metrics import METRICS
from probes.snmp.settings import Settings

__all__ = ["DEFAULT_INTERVAL_S", "METRICS", "Settings"]

DEFAULT_INTERVAL_S = 30.0
"""A 32-bit counter at 1 Gbit/s wraps after 34 s: slower polling could not tell how often it did."""
