"""SIP (RFC 3261): whether a meeting room, a registrar or a proxy answers OPTIONS, over UDP, TCP or TLS.

Any final answer shows that it works, one that asks for credentials, too; all but 503, by which a server says
that it is out of service. H.323 has no such question that
would not make a room ring: watch its call port with the tcp probe, port 1720.
"""

from probes.sip.metrics import METRICS
from probes.sip.settings import Settings

__all__ = ["DEFAULT_INTERVAL_S", "METRICS", "Settings"]

DEFAULT_INTERVAL_S = 30.0
