"""What the DNS probe measures: its part of the catalogue. Every resolver asked is a series of its own;
over TLS the certificate is the target's."""

from __future__ import annotations

from probes.sample import Metric
from probes.transport import CERTIFICATE_METRICS

_OF = ("probe", "server")

SUCCESS = Metric(
    "linkwatch_dns_server_success",
    "Whether this resolver gave the answer that is expected.",
    labels=_OF,
)
QUERY = Metric(
    "linkwatch_dns_query_seconds",
    "Time from the question to its answer, once connected; with asking again over TCP where it was cut.",
    labels=_OF,
    unit="seconds",
)
RESPONSE_CODE = Metric(
    "linkwatch_dns_response_code",
    "Response code of the answer (0 NOERROR, 2 SERVFAIL, 3 NXDOMAIN).",
    labels=_OF,
)
ANSWERS = Metric("linkwatch_dns_answers", "How many records of the wanted type the answer holds.", labels=_OF)
SERIAL = Metric("linkwatch_dns_zone_serial", "Serial of the zone, where its SOA was asked for.", labels=_OF)

METRICS = (SUCCESS, QUERY, RESPONSE_CODE, ANSWERS, SERIAL, *CERTIFICATE_METRICS)
