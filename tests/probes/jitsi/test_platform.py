"""The Jitsi probe against a real nginx, Prosody and coturn: whole, and with each part broken in turn."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from ipaddress import ip_address
from typing import Any

import pytest

from probes.jitsi import Settings
from probes.jitsi.finding import Part
from probes.jitsi.sampling import probe
from probes.sample import Reason, Sample, Target
from probes.testing import hang, serve_tcp
from tests.probes.coturn import coturn
from tests.probes.daemons import free_port
from tests.probes.jitsi.platform import CONFIG, GUESTS, Platform

SECRET = ("--use-auth-secret", "--static-auth-secret", "north", "-r", "meet.test", "--no-tls")
SILENT, UNKNOWN = "not asked", None


async def look(platform: Platform, deadline_s: float = 10.0, **settings: Any) -> Sample:
    given = {"ca_file": str(platform.authority.ca_file), "media_port": 0} | settings
    return await probe(Target("t", f"127.0.0.1:{platform.web}"), Settings(**given), deadline_s)


def parts(sample: Sample) -> dict[str, float]:
    """Which parts were asked, and whether they are up."""
    return {
        dict(labels)["part"]: value
        for (name, labels), value in sample.values.items()
        if name == "linkwatch_jitsi_part_up"
    }


def announce(port: int, secret: str = "north") -> str:
    """STUN and TURN as Prosody's external_services are written for Jitsi."""
    shared = f'host = "127.0.0.1", port = {port}'
    return ", ".join(
        [
            f'{{ type = "stun", transport = "udp", {shared} }}',
            f'{{ type = "turn", transport = "udp", {shared}, secret = "{secret}", algorithm = "turn" }}',
            f'{{ type = "turn", transport = "tcp", {shared}, secret = "{secret}", algorithm = "turn" }}',
        ]
    )


async def test_a_whole_platform_is_seen_part_by_part(platform: Platform) -> None:
    with coturn(*SECRET) as port:
        platform.services = announce(port)
        async with platform.whole():
            sample = await look(platform)
    assert sample.ok, sample.detail
    assert parts(sample) == dict.fromkeys(("web", "signalling", "log-in", "focus", "turn"), 1.0)
    assert sample.facts["url"] == f"https://127.0.0.1:{platform.web}"
    assert sample.facts["domain"] == "meet.test"
    assert sample.facts["log-in"] == "good: guest at meet.test"
    assert sample.facts["focus"] == "good: focus.meet.test"
    assert sample.facts["bridge"] == sample.facts["recording"] == SILENT
    assert sample.facts["relays"].startswith(f"stun:127.0.0.1:{port}?transport=udp, turn:127.0.0.1:{port}?")
    assert "failing" not in sample.facts
    phases = {dict(labels).get("phase"): value for (_, labels), value in sample.values.items()}
    assert phases.keys() >= {"page", "config", "websocket", "bosh", "log_in", "focus", "turn"}


async def test_a_platform_on_ipv6_is_seen_part_by_part(platform: Platform) -> None:
    with coturn(*SECRET, "-L", "::1") as port:
        platform.services = announce(port).replace("127.0.0.1", "::1")
        with platform.prosody(), platform.front(f"listen [::1]:{platform.web} ssl;"):
            async with platform.jicofo():
                settings = Settings(ca_file=str(platform.authority.ca_file), media_port=platform.media)
                sample = await probe(Target("t", f"[::1]:{platform.web}"), settings, 10.0)
    assert parts(sample) == {"web": 1, "signalling": 1, "log-in": 1, "focus": 1, "turn": 1, "media": 0}
    assert sample.facts["url"] == f"https://[::1]:{platform.web}"
    assert sample.facts["turn"].startswith(f"good: stun:[::1]:{port}?transport=udp; good: turn:[::1]:{port}?")
    assert sample.detail.startswith(f"media: udp [::1]:{platform.media}: nothing listens there")


async def test_a_relay_over_tls_is_asked_as_browsers_ask_it(platform: Platform) -> None:
    certificate = platform.authority.issue("IP:127.0.0.1", 90)
    keys = ("--cert", str(certificate), "--pkey", str(platform.authority.folder / "key.pem"))
    with coturn(*SECRET[:-1], *keys) as port:
        relay = f'type = "turns", transport = "tcp", host = "127.0.0.1", port = {port}'
        platform.services = f'{{ {relay}, secret = "north", algorithm = "turn" }}'
        async with platform.whole():
            sample = await look(platform)
            stranger = await look(platform, ca_file="", verify=False)
    assert sample.ok, sample.detail
    assert sample.facts["turn"] == f"good: turns:127.0.0.1:{port}?transport=tcp"
    assert stranger.ok, stranger.detail


async def test_a_relay_over_tls_with_a_certificate_that_has_expired_fails(platform: Platform) -> None:
    certificate = platform.authority.issue("IP:127.0.0.1", -1)
    keys = ("--cert", str(certificate), "--pkey", str(platform.authority.folder / "key.pem"))
    with coturn(*SECRET[:-1], *keys) as port:
        relay = f'type = "turns", transport = "tcp", host = "127.0.0.1", port = {port}'
        platform.services = f'{{ {relay}, secret = "north", algorithm = "turn" }}'
        async with platform.whole():
            sample = await look(platform)
    assert (sample.reason, sample.facts["failing"]) == (Reason.TLS, "turn")
    assert "expired" in sample.detail


async def test_without_nginx_the_web_fails_and_of_what_follows_nothing_is_said(
    platform: Platform,
) -> None:
    sample = await look(platform)
    assert (sample.reason, parts(sample)) == (Reason.REFUSED, {"web": 0.0})
    assert sample.detail == f"web: https://127.0.0.1:{platform.web}: 127.0.0.1: Connection refused"
    assert sample.facts["failing"] == "web"
    assert sample.facts["signalling"] == SILENT


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (CONFIG.replace("config.hosts.domain = 'meet.test';", ""), "it names no hosts.domain"),
        (CONFIG.replace("'muc.meet.test'", "'muc.meet.test"), "line 9: a text has no end"),
        ("<!DOCTYPE html><p>404", "a page instead of the script: there is no config.js"),
        ("var config = { hosts: { domain: 'meet.test' } }", "it names neither bosh nor websocket"),
    ],
)
async def test_a_broken_config_js_says_what_is_wrong_with_it(
    platform: Platform, config: str, why: str
) -> None:
    platform.config = config
    with platform.front():
        sample = await look(platform)
    assert (sample.reason, parts(sample)) == (Reason.PROTOCOL, {"web": 0.0})
    assert sample.detail == f"web: https://127.0.0.1:{platform.web}/config.js: {why}"


async def test_any_other_page_is_not_taken_for_jitsi(platform: Platform) -> None:
    platform.page = "<html><title>Welcome to nginx!</title></html>"
    with platform.front():
        sample = await look(platform)
    assert sample.detail == f"web: https://127.0.0.1:{platform.web}: a page, but not one of Jitsi Meet"


async def test_a_certificate_that_nobody_trusts_fails_the_web(platform: Platform) -> None:
    with platform.front():
        sample = await look(platform, ca_file="")
    assert (sample.reason, sample.facts["failing"]) == (Reason.TLS, "web")


async def test_without_prosody_signalling_fails_and_nothing_is_said_of_the_log_in(platform: Platform) -> None:
    with platform.front():
        sample = await look(platform)
    assert (sample.reason, parts(sample)) == (Reason.PROTOCOL, {"web": 1.0, "signalling": 0.0})
    place = f"127.0.0.1:{platform.web}"
    assert sample.detail == (
        f"signalling: websocket wss://{place}/xmpp-websocket: no websocket (status 502), "
        f"bosh https://{place}/http-bind: no BOSH (status 502)"
    )
    assert sample.facts["log-in"] == SILENT


@pytest.mark.parametrize(
    ("transports", "broken", "works"),
    [('"bosh"', "websocket wss", "bosh"), ('"websocket"', "bosh https", "websocket")],
)
async def test_one_of_two_announced_ways_that_fails_is_named(
    platform: Platform, transports: str, broken: str, works: str
) -> None:
    platform.transports = transports
    async with platform.whole():
        sample = await look(platform)
    assert sample.detail.startswith(f"signalling: {broken}://")
    assert "status 404" in sample.detail
    assert f"good: {works}" in sample.facts["signalling"]
    assert parts(sample)["log-in"] == 1.0


async def test_a_way_that_is_not_announced_is_not_asked(platform: Platform) -> None:
    platform.transports = '"bosh"'
    platform.config = CONFIG[: CONFIG.index("config.websocket")]
    async with platform.whole():
        assert (await look(platform)).ok


async def test_a_domain_that_prosody_does_not_know_fails_signalling(platform: Platform) -> None:
    platform.config = CONFIG.replace("'meet.test'", "'other.test'")
    async with platform.whole():
        sample = await look(platform)
    assert (sample.reason, parts(sample)["signalling"]) == (Reason.PROTOCOL, 0.0)
    assert "the server ended the stream: host-unknown" in sample.detail
    assert "the server ended the BOSH session: improper-addressing" in sample.detail


async def test_prosody_that_takes_the_connection_for_insecure_is_found_out(platform: Platform) -> None:
    platform.secure = False
    async with platform.whole():
        sample = await look(platform)
    assert "bosh: meet.test offers no log-in here (Prosody takes it for insecure: consider_" in sample.detail


@pytest.fixture
def secured(platform: Platform) -> Platform:
    """A secure domain: users at meet.test, guests at guest.meet.test."""
    platform.authentication = "internal_plain"
    platform.config = CONFIG + GUESTS
    platform.users = {"giamsat": "m4t-khau"}
    return platform


@pytest.mark.parametrize("authentication", ["internal_plain", "internal_hashed"])
async def test_on_a_secure_domain_both_guests_and_users_log_in(
    secured: Platform, authentication: str
) -> None:
    secured.authentication = authentication
    async with secured.whole():
        sample = await look(secured, user="giamsat", password="m4t-khau")
    assert sample.ok, sample.detail
    assert sample.facts["log-in"] == "good: guest at guest.meet.test; good: giamsat@meet.test"


async def test_a_wrong_password_is_a_matter_of_the_log_in_and_stays_secret(secured: Platform) -> None:
    async with secured.whole():
        sample = await look(secured, user="giamsat", password="nham-m4t-khau")
    assert (sample.reason, sample.facts["failing"]) == (Reason.AUTH, "log-in")
    assert sample.detail == (
        "log-in: websocket: giamsat@meet.test: the server refuses the log-in (not-authorized)"
    )
    assert "nham-m4t-khau" not in repr(sample)
    assert parts(sample)["focus"] == 1.0  # guests get in, and see it


async def test_a_refused_log_in_is_not_repeated_at_once_whatever_else_fails(secured: Platform) -> None:
    secured.transports = '"bosh"'
    async with secured.whole():
        sample = await look(secured, user="giamsat", password="nham-m4t-khau")
        assert (sample.reason, sample.facts["failing"]) == (Reason.PROTOCOL, "signalling, log-in")
        assert not sample.is_repeatable
        assert (await look(secured)).is_repeatable


async def test_guests_who_are_not_let_in_are_no_failure_where_no_user_is_set(platform: Platform) -> None:
    platform.authentication = "internal_plain"
    async with platform.whole():
        sample = await look(platform)
    assert sample.ok, sample.detail
    assert "log-in" not in parts(sample)
    assert sample.facts["not_asked"] == "meet.test lets no guests in, and no user is set"


async def test_guests_to_whom_a_domain_is_announced_must_be_let_in(platform: Platform) -> None:
    platform.config = CONFIG + "config.hosts.anonymousdomain = 'meet.test';"
    platform.authentication = "internal_plain"
    async with platform.whole():
        sample = await look(platform)
    assert (sample.reason, sample.facts["failing"]) == (Reason.AUTH, "log-in")
    assert sample.detail == "log-in: websocket: meet.test lets no guests in, and no user is set"


async def test_a_focus_that_is_not_connected_fails_alone(platform: Platform) -> None:
    with platform.prosody(), platform.front():
        sample = await look(platform)
    assert (sample.reason, sample.facts["failing"]) == (Reason.UNREACHABLE, "focus")
    assert sample.detail == (
        "focus: focus.meet.test: it does not answer, Prosody says: remote-server-timeout "
        "(Component unavailable)"
    )


async def test_a_focus_that_prosody_has_never_heard_of_fails_alone(platform: Platform) -> None:
    platform.config = CONFIG + "config.hosts.focus = 'jicofo.meet.test';"
    async with platform.whole():
        sample = await look(platform)
    assert (sample.reason, sample.facts["failing"]) == (Reason.UNREACHABLE, "focus")
    assert sample.detail.startswith("focus: jicofo.meet.test: it does not answer, Prosody says: ")


@pytest.mark.parametrize(
    ("error", "is_there"),
    [("feature-not-implemented", True), ("forbidden", True), ("service-unavailable", False)],
)
async def test_a_focus_may_refuse_a_greeting_and_still_be_there(
    platform: Platform, error: str, is_there: bool
) -> None:
    with platform.prosody(), platform.front():
        async with platform.jicofo(error):
            sample = await look(platform)
    assert parts(sample)["focus"] == is_there


async def test_relays_that_are_down_are_named_each(platform: Platform) -> None:
    port = free_port()
    platform.services = announce(port)
    async with platform.whole():
        sample = await look(platform, deadline_s=5.0)
    assert (sample.reason, sample.facts["failing"]) == (Reason.REFUSED, "turn")
    for relay in ("stun:127.0.0.1:{}?transport=udp", "turn:127.0.0.1:{}?transport=tcp"):
        assert relay.format(port) in sample.detail


async def test_a_secret_that_prosody_and_coturn_do_not_share_refuses_every_participant(
    platform: Platform,
) -> None:
    with coturn(*SECRET) as port:
        platform.services = announce(port, secret="south")
        async with platform.whole():
            sample = await look(platform)
    assert (sample.reason, sample.facts["failing"]) == (Reason.AUTH, "turn")
    assert f"turn:127.0.0.1:{port}?transport=udp: allocate: 401" in sample.detail
    assert f"good: stun:127.0.0.1:{port}" in sample.facts["turn"]


@pytest.mark.parametrize("scheme", ["turn", "turns"])
async def test_a_relay_that_is_announced_without_credentials_fails_every_browser(
    platform: Platform, scheme: str
) -> None:
    """Also where the server itself wants none."""
    with coturn("--no-auth", "--no-tls") as port:
        platform.services = f'{{ type = "{scheme}", transport = "tcp", host = "127.0.0.1", port = {port} }}'
        async with platform.whole():
            sample = await look(platform)
    assert sample.detail == (
        f"turn: {scheme}:127.0.0.1:{port}?transport=tcp: announced without user and password: browsers "
        "refuse every list that has such a server"
    )


async def test_a_relay_outside_the_scope_is_not_contacted_and_that_is_said(platform: Platform) -> None:
    platform.services = announce(free_port()).replace("127.0.0.1", "192.0.2.1")
    async with platform.whole():
        settings = Settings(ca_file=str(platform.authority.ca_file), media_port=0)
        target = Target("t", f"127.0.0.1:{platform.web}", lambda ip: ip == ip_address("127.0.0.1"))
        sample = await probe(target, settings, 10.0)
    assert sample.ok, sample.detail
    assert "turn" not in parts(sample)
    assert "192.0.2.1 is outside the scope" in sample.facts["relays_not_asked"]


async def test_signalling_outside_the_scope_is_not_contacted(platform: Platform) -> None:
    platform.config = "var config = { hosts: { domain: 'meet.test' }, bosh: 'https://192.0.2.1/http-bind' }"
    with platform.front():
        settings = Settings(ca_file=str(platform.authority.ca_file), media_port=0)
        target = Target("t", f"127.0.0.1:{platform.web}", lambda ip: ip == ip_address("127.0.0.1"))
        sample = await probe(target, settings, 10.0)
    assert (sample.reason, sample.facts["failing"]) == (Reason.PERMISSION, "signalling")


@contextmanager
def bridge() -> Iterator[int]:
    """Something that listens for media and, as a bridge does, answers no stranger."""
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as listening:
        listening.bind(("127.0.0.1", 0))
        yield listening.getsockname()[1]


async def test_a_closed_media_port_fails_the_media(platform: Platform) -> None:
    async with platform.whole():
        sample = await look(platform, media_port=platform.media)
    assert (sample.reason, sample.facts["failing"]) == (Reason.REFUSED, "media")
    assert sample.detail == (
        f"media: udp 127.0.0.1:{platform.media}: nothing listens there (port unreachable)"
    )


async def test_a_media_port_that_keeps_silent_proves_nothing(platform: Platform) -> None:
    async with platform.whole():
        with bridge() as port:
            sample = await look(platform, media_port=port)
    assert sample.ok, sample.detail
    assert "media" not in parts(sample)
    assert sample.facts["media"] == SILENT


async def test_a_media_port_of_which_one_host_of_two_refuses_names_that_one(platform: Platform) -> None:
    async with platform.whole():
        with bridge() as port:
            sample = await look(platform, media_port=port, media_hosts=("127.0.0.1", "127.0.0.2"))
    assert sample.detail == f"media: udp 127.0.0.2:{port}: nothing listens there (port unreachable)"


async def test_what_fails_first_comes_first_and_all_of_it_is_named(platform: Platform) -> None:
    platform.services = announce(free_port())
    with platform.prosody(), platform.front():
        sample = await look(platform, deadline_s=5.0, media_port=platform.media)
    assert sample.facts["failing"] == "focus, turn, media"
    assert sample.reason is Reason.UNREACHABLE
    assert [text.partition(":")[0] for text in sample.detail.split("; ")] == ["focus", "turn", "media"]


async def test_a_page_that_hangs_ends_at_the_deadline(platform: Platform) -> None:
    async with serve_tcp(hang) as port:
        platform.web = port
        sample = await asyncio.wait_for(look(platform, deadline_s=1.0), 5.0)
    assert (sample.reason, sample.facts["failing"]) == (Reason.TIMEOUT, "web")
    assert sample.duration_s < 3.0


async def test_prosody_that_hangs_ends_in_time_and_is_called_signalling(platform: Platform) -> None:
    async with serve_tcp(hang) as port:
        platform.xmpp = port
        with platform.front():
            sample = await asyncio.wait_for(look(platform, deadline_s=2.0), 6.0)
    assert (sample.reason, sample.facts["failing"]) == (Reason.TIMEOUT, "signalling")


async def test_no_session_is_left_at_prosody(platform: Platform) -> None:
    async with platform.whole():
        for _ in range(3):
            assert (await look(platform)).ok
    log = (platform.folder / "prosody.log").read_text()
    assert log.count("New BOSH session") == log.count("BOSH client disconnected: session close") == 3
    assert "ailed" not in log


async def test_the_command_line_shows_every_part(platform: Platform) -> None:
    async with platform.whole():
        options = ("--ca-file", str(platform.authority.ca_file), "--media-port", "0")
        command = (sys.executable, "-m", "probes", "jitsi", f"127.0.0.1:{platform.web}", *options)
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        shown = json.loads((await process.communicate())[0])
    assert (process.returncode, shown["detail"]) == (0, "")
    assert {str(part) for part in Part} <= shown["facts"].keys()


def test_the_parts_stand_in_causal_order() -> None:
    assert list(Part) == ["web", "signalling", "log-in", "focus", "bridge", "turn", "media", "recording"]
