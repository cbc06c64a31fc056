"""What the protocols that are spoken over UDP, TCP and TLS share: settings and metrics."""

from __future__ import annotations

from dataclasses import dataclass, field

from probes.requirements import require
from probes.tls import metrics as tls_metrics

TRANSPORTS = ("udp", "tcp", "tls")

CERTIFICATE_METRICS = tuple(metric for metric in tls_metrics.METRICS if metric is not tls_metrics.PHASE)
"""What is measured beside everything else when TLS is the transport."""


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """How to reach the server: the part of the settings that these protocols share."""

    transport: str = field(default="udp", metadata={"help": f"one of {', '.join(TRANSPORTS)}"})
    port: int = field(
        default=0, metadata={"help": "port; left out: that of the address, else that of the protocol"}
    )
    server_name: str = field(
        default="", metadata={"help": "name to find in the certificate; left out: the address"}
    )
    verify: bool = field(default=True, metadata={"help": "whether a wrong certificate is a failure"})
    ca_file: str = field(default="", metadata={"help": "PEM file of the CA to trust instead of the system's"})

    def __post_init__(self) -> None:
        require(self.transport in TRANSPORTS, "transport", f"one of {', '.join(TRANSPORTS)}")
        require(0 <= self.port <= 65535, "port", "1 to 65535")
