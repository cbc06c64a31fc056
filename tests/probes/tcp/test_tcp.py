"""The TCP probe against real servers, and against peers that lie, hang and echo."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time

import pytest

from probes.sample import Reason, Sample, Target
from probes.tcp import Settings
from probes.tcp.sampling import probe
from probes.testing import Handler, hang, serve_tcp
from tests.probes.tls import peers
from tests.probes.tls.pki import NAME, Pki

SMTP = """
    expect ^220
    send EHLO linkwatch
    expect ^250 \\S
    send QUIT
    expect ^221
"""


async def measure(port: int, deadline_s: float = 5.0, **settings: object) -> Sample:
    return await probe(Target("t", f"127.0.0.1:{port}"), Settings(**settings), deadline_s)  # type: ignore[arg-type]


def phases(sample: Sample) -> list[str]:
    return [
        dict(labels)["phase"] for metric, labels in sample.values if metric == "linkwatch_tcp_phase_seconds"
    ]


def saying(*parts: bytes, pause_s: float = 0.0) -> Handler:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
        await reader.read()

    return say


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(b"you said " + line)


async def test_something_listens() -> None:
    async with serve_tcp(hang) as port:
        sample = await measure(port)
    assert sample.ok, sample.detail
    assert phases(sample) == ["resolve", "connect"]
    assert sample.facts == {"address": "127.0.0.1"}


async def test_nothing_listens() -> None:
    async with serve_tcp(hang) as port:
        pass
    sample = await measure(port)
    assert (sample.reason, sample.detail) == (Reason.REFUSED, "127.0.0.1: Connection refused")


async def test_the_port_of_the_settings_goes_before_that_of_the_address() -> None:
    async with serve_tcp(hang) as port:
        assert (await probe(Target("t", "127.0.0.1:1"), Settings(port=port), 2.0)).ok
        assert (await probe(Target("t", "https://127.0.0.1:1/x"), Settings(port=port), 2.0)).ok
        assert (await probe(Target("t", f"http://127.0.0.1:{port}/x"), Settings(), 2.0)).ok


async def test_no_port_at_all_is_said() -> None:
    sample = await probe(Target("t", "127.0.0.1"), Settings(), 2.0)
    assert sample.detail == "no port, neither in the settings nor behind the address"
    assert sample.reason is Reason.RESOLVE


async def test_an_address_outside_the_scope_is_not_connected_to() -> None:
    sample = await probe(Target("t", "127.0.0.1:1", lambda _address: False), Settings(), 2.0)
    assert sample.reason is Reason.PERMISSION


# Dialogues


async def test_a_dialogue_with_a_mail_server() -> None:
    with peers.aiosmtpd(None) as port:
        sample = await measure(port, dialogue=SMTP)
    assert sample.ok, sample.detail
    assert phases(sample) == ["resolve", "connect", "dialogue"]


async def test_a_dialogue_behind_starttls(pki: Pki) -> None:
    files = pki.files("tcp", pki.server(), pki.intermediate)
    script = SMTP.replace("expect ^220\n", "", 1)
    with peers.aiosmtpd(files) as port:
        settings = {"dialogue": script, "starttls": "smtp", "server_name": NAME}
        sample = await measure(port, ca_file=str(pki.ca_file), **settings)
        refused = await measure(port, **settings)
        unverified = await measure(port, verify=False, **settings)
    assert sample.ok, sample.detail
    assert phases(sample) == ["resolve", "connect", "starttls", "tls", "dialogue"]
    assert refused.reason is Reason.TLS
    assert refused.detail.startswith(f"certificate of {NAME}: its issuer is neither sent along")
    assert unverified.ok


async def test_a_dialogue_in_tls(pki: Pki) -> None:
    files = pki.files("rev", pki.server(), pki.intermediate)
    script = "send hello\nexpect ^olleh$\nsend again\nexpect ^niaga$"
    with peers.s_server(files, "-rev") as port:
        settings = {"tls": True, "server_name": NAME, "ca_file": str(pki.ca_file), "line_end": "lf"}
        sample = await measure(port, dialogue=script, **settings)
        wrong = await measure(port, dialogue="send hello\nexpect ^hello$", deadline_s=0.5, **settings)
    assert sample.ok, sample.detail
    assert (wrong.reason, wrong.detail) == (Reason.PROTOCOL, "no answer to step 2 (expect), only: olleh")


@pytest.mark.parametrize(
    "parts",
    [
        (b"220 ready\r\n",),
        (b"noise\r\n220 ready\r\n",),
        (b"22", b"0 re", b"ady\r\n"),
        (b"220 ready",),
    ],
    ids=["line", "after another", "in pieces", "prompt"],
)
async def test_a_line_is_found_however_it_comes(parts: tuple[bytes, ...]) -> None:
    async with serve_tcp(saying(*parts, pause_s=0.01)) as port:
        sample = await measure(port, dialogue="expect ^220 ready$")
    assert sample.ok, sample.detail


async def test_a_line_that_is_held_up_on_the_way_is_still_one_line() -> None:
    async with serve_tcp(saying(b"220 mail.tha", b"nhhoa.gov.vn ES", b"MTP\r\n", pause_s=0.5)) as port:
        sample = await measure(port, dialogue=r"expect ^220 \S+ ESMTP$")
    assert sample.ok, sample.detail


async def test_what_follows_a_prompt_is_a_line_of_its_own() -> None:
    async with serve_tcp(saying(b"login: ", b"Password: ", b"ok\r\n", pause_s=0.5)) as port:
        sample = await measure(port, dialogue="expect ^login: $\nexpect ^Password: $\nexpect ^ok$")
    assert sample.ok, sample.detail


async def test_lines_are_taken_one_by_one() -> None:
    async with serve_tcp(saying(b"one\r\ntwo\r\nthree\r\n")) as port:
        assert (await measure(port, dialogue="expect one\nexpect three")).ok
        sample = await measure(port, dialogue="expect two\nexpect one", deadline_s=0.3)
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, "no answer to step 2 (expect), only: three")


async def test_bytes_can_be_written_as_escapes() -> None:
    heard = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.readexactly(6))
        writer.write(b"ok\n")
        await writer.drain()

    async with serve_tcp(listen) as port:
        script = r"send \x00\xff\\a\tb" + "\nexpect ok"
        assert (await measure(port, dialogue=script, line_end="none")).ok
    assert heard == b"\x00\xff\\a\tb"


async def test_a_peer_that_never_answers_is_left_at_the_deadline() -> None:
    async with serve_tcp(hang) as port:
        started_s = time.monotonic()
        sample = await measure(port, dialogue="expect .", deadline_s=0.3)
    assert (sample.reason, sample.detail) == (Reason.TIMEOUT, "no end of step 1 (expect) within 0.3 s")
    assert time.monotonic() - started_s < 1.5


async def test_a_peer_that_closes_is_a_protocol_failure_with_its_last_line() -> None:
    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"421 too many\x1b[31m connections\r\n")
        await writer.drain()

    async with serve_tcp(refuse) as port:
        sample = await measure(port, dialogue="expect ^220")
    assert sample.reason is Reason.PROTOCOL
    assert sample.detail == (
        "the peer closed the connection before step 1 (expect) was fulfilled; "
        "the last line: 421 too many [31m connections"
    )


@pytest.mark.parametrize("flood", [b"x" * 10_000, b"line\n" * 2_000], ids=["one line", "lines"])
async def test_a_flood_ends_when_enough_was_heard(flood: bytes) -> None:
    async def pour(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(flood)
            await writer.drain()

    async with serve_tcp(pour) as port:
        sample = await measure(port, dialogue="expect ^(y+)+$")
    assert sample.reason is Reason.PROTOCOL
    assert sample.detail.startswith("more than enough was said before step 1 (expect) was fulfilled")
    assert sample.duration_s < 2


async def test_what_was_sent_is_never_shown_though_the_peer_echoes_it() -> None:
    script = "send LOGIN lw s3cret-pa55\nexpect ^welcome"
    settings = Settings(dialogue=script)
    async with serve_tcp(echo) as port:
        sample = await probe(Target("t", f"127.0.0.1:{port}"), settings, 0.3)
    assert sample.reason is Reason.PROTOCOL
    assert sample.detail == "no answer to step 2 (expect), only: you said *** *** ***-***"
    assert "s3cret" not in repr(settings) + repr(sample)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"port": 70_000}, "port: must be 1 to 65535"),
        ({"dialogue": "wait s3cret"}, "dialogue: step 1 must be 'expect PATTERN' or 'send TEXT'"),
        ({"dialogue": "send x\nexpect (s3cret"}, "dialogue: step 2 (expect) must be a regular expression"),
        (
            {"dialogue": "send s3cret\\q"},
            r"dialogue: step 1 (send) must be with no escapes but \r \n \t \\ \xNN",
        ),
        (
            {"dialogue": "send s3cret\\"},
            r"dialogue: step 1 (send) must be with no escapes but \r \n \t \\ \xNN",
        ),
        ({"dialogue": "expect"}, "dialogue: step 1 must be 'expect PATTERN' or 'send TEXT'"),
        ({"dialogue": "send s3cret\n" * 51}, "dialogue: must be 50 steps at most"),
        ({"line_end": "cr"}, "line_end: must be one of crlf, lf, none"),
        ({"starttls": "ftp"}, "starttls: must be one of smtp, imap, pop3, xmpp, ldap"),
        ({"starttls": "smtp", "tls": True}, "tls: must be no where starttls is given"),
    ],
)
def test_a_wrong_setting_says_what_is_allowed_and_no_secret(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Settings(**given)  # type: ignore[arg-type]


async def test_the_command_line() -> None:
    async with serve_tcp(saying(b"220 ready\r\n")) as port:
        command = [sys.executable, "-m", "probes", "tcp", f"127.0.0.1:{port}", "--dialogue", "expect ^220"]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        shown, _ = await process.communicate()
    assert json.loads(shown)["ok"] is True
