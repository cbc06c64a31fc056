"""DNS over UDP, TCP or TLS: whether resolvers answer, what they answer, and whether they agree.

The target is the resolver that is asked. A query over UDP is sent once, and once more without extensions
(EDNS) when half of the time is over: the next run asks again.
"""

from probes.dns.metrics import METRICS
from probes.dns.settings import Settings

__all__ = ["DEFAULT_INTERVAL_S", "METRICS", "Settings"]

DEFAULT_INTERVAL_S = 30.0
