"""What each kind of target gets when its entry says nothing more, and the classes that are built in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from linkwatch.core.inventory import Kind, Objectives


@dataclass(frozen=True, slots=True)
class KindDefaults:
    """Types of the probes, and the class whose objectives hold when no upstream has a class."""

    probes: tuple[str, ...]
    link_class: str


KINDS: Mapping[Kind, KindDefaults] = {
    Kind.LINK: KindDefaults(("icmp",), "fibre"),
    Kind.ROUTER: KindDefaults(("icmp", "snmp"), "fibre"),
    # Whether a meeting works is for `jitsi` (or `sip`) to say: the name that stands in the certificate and in
    # config.js is not the address, and an old room is no Jitsi.
    Kind.MEETING_SERVER: KindDefaults(("icmp", "http"), "fibre"),
    # Whether the picture moves is for `rtsp` to say, whose path and login nobody can guess.
    Kind.CAMERA: KindDefaults(("icmp",), "fibre"),
    # Front ends of portals often drop pings: what counts is that the page is served.
    Kind.PORTAL: KindDefaults(("http",), "fibre"),
    Kind.HOST: KindDefaults(("icmp",), "lan"),
}

CLASSES: Mapping[str, Objectives] = {
    "fibre": Objectives(loss_ratio=0.01, rtt_s=0.030, jitter_s=0.010, availability_ratio=0.999),
    "leased": Objectives(loss_ratio=0.005, rtt_s=0.020, jitter_s=0.005, availability_ratio=0.9995),
    "4g": Objectives(loss_ratio=0.02, rtt_s=0.120, jitter_s=0.030, availability_ratio=0.99),
    # One hop over a geostationary satellite and back takes 480 ms by distance alone.
    "vsat": Objectives(loss_ratio=0.02, rtt_s=0.750, jitter_s=0.050, availability_ratio=0.99),
    "lan": Objectives(loss_ratio=0.001, rtt_s=0.005, jitter_s=0.002, availability_ratio=0.9999),
}


@dataclass(frozen=True, slots=True)
class Pace:
    """Bounds of a probe type: shortest interval, and its default timeout, in seconds."""

    shortest_s: float
    timeout_s: float


PACES: Mapping[str, Pace] = {
    "icmp": Pace(0.1, 3.0),
    "snmp": Pace(5.0, 10.0),
    "rtsp": Pace(10.0, 10.0),
    "journey": Pace(10.0, 30.0),
    "jitsi": Pace(10.0, 20.0),
}
OTHER_PACE = Pace(1.0, 10.0)
LONGEST_INTERVAL_S = 86_400.0
LONGEST_TIMEOUT_S = 60.0
