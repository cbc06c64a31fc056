"""Whether the ways into meeting servers are open: each inner endpoint is asked, authorised, the right one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from linkwatch.cli.finding import Finding
from linkwatch.core.inventory import Inventory
from probes.failure import ProbeError
from probes.jitsi.finding import Part
from probes.jitsi.inside.settings import Inside
from probes.jitsi.inside.ways import Way, ask_ways
from probes.sample import Reason, Target

DEADLINE_S = 5.0
JITSI = "jitsi"

_STATS = "/colibri/stats"
_SEATS_MEND = (
    "on the bridge: videobridge.apis.rest.enabled = true in /etc/jitsi/videobridge/jvb.conf; "
    "sudo systemctl restart jitsi-videobridge2   # when no meeting runs"
)

_LOCAL = {
    Part.BRIDGE: ("http://127.0.0.1:8080/about/health", "jitsi-videobridge2"),
    Part.FOCUS: ("http://127.0.0.1:8888/stats", "jicofo"),
    Part.SIGNALLING: ("http://127.0.0.1:5280/metrics", "prosody"),
}

_MENDS = {
    Reason.TLS: (
        "deploy/jitsi/certificates.sh makes a CA and both certificates   "
        "# then ca_file, client_cert_file, client_key_file of `inside`"
    ),
    Reason.AUTH: (
        "on the meeting server: `allow` this machine in deploy/jitsi/inside.conf; sudo nginx -s reload   "
        "# or username, bearer_token of `inside`; for Prosody openmetrics_allow_cidr"
    ),
    Reason.PERMISSION: "add its address to `scope` of the inventory",
    Reason.RESOLVE: "mend DNS, or write an address in the URL",
    Reason.ERROR: "ls -l the file that is named   # the user that runs LinkWatch must be able to read it",
}


def examine_meetings(inventory: Inventory) -> Iterator[Finding]:
    """Ask every inner endpoint of every meeting server once; nothing is changed."""
    asked = [
        (Target(target.id, target.address, inventory.scope.allows), spec.settings.inside)
        for target in inventory.targets.values()
        for spec in target.probes
        if spec.type == JITSI and spec.settings.inside
    ]
    for target, ways in asyncio.run(_ask(asked)) if asked else ():
        yield from (_told(target.id, way) for way in ways)


async def _ask(asked: list[tuple[Target, tuple[Inside, ...]]]) -> list[tuple[Target, tuple[Way, ...]]]:
    found = await asyncio.gather(*(ask_ways(target, inside, DEADLINE_S) for target, inside in asked))
    return [(target, ways) for (target, _), ways in zip(asked, found, strict=True)]


def _told(target_id: str, way: Way) -> Finding:
    name = f"{target_id}: {way.title}"
    if way.failure is not None:
        return Finding(JITSI, False, f"{name}: {way.failure.detail}", _mend(way, way.failure))
    if way.silence:
        mend = "look at the targets page of that Prometheus: the job, its labels, its scrape_interval"
        return Finding(JITSI, False, f"{name}: {way.silence}", mend)
    text = f"{name} tells {', '.join(way.pages)}"
    if way.part is Part.BRIDGE and _STATS not in way.pages:
        return Finding(JITSI, True, f"{text}; free seats are not told without {_STATS}", _SEATS_MEND)
    return Finding(JITSI, True, text)


def _mend(way: Way, failure: ProbeError) -> str:
    """The command or snippet that mends it. What does not answer is looked at where it runs."""
    if failure.reason in _MENDS:
        return _MENDS[failure.reason]
    url, service = _LOCAL[way.part]
    return (
        f"on the meeting server: curl -si {url} | head -n 1; systemctl status {service}   "
        "# it listens on loopback: deploy/jitsi/README.md opens a way in"
    )
