"""A real Kamailio on 127.0.0.1 that answers OPTIONS by the user who is asked for."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.probes.coturn import free_port

KAMAILIO = shutil.which("kamailio", path="/usr/sbin:/usr/bin")
CONFIG = """#!KAMAILIO
debug=0
log_stderror=yes
fork=yes
children=1
tcp_children=1
disable_core_dump=yes
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
{more}
request_route {{
    force_rport();
    if ($rU == "login") {{
        append_to_reply("WWW-Authenticate: Digest realm=\\"room\\", nonce=\\"1\\"\\r\\n");
        sl_send_reply("401", "Unauthorized");
    }} else if ($rU == "proxy") {{
        sl_send_reply("407", "Proxy Authentication Required");
    }} else if ($rU == "slow") {{
        sl_send_reply("100", "Trying");
        sl_send_reply("200", "OK");
    }} else if ($rU == "broken") {{
        sl_send_reply("503", "Service Unavailable");
    }} else if ($rU == "silent") {{
        exit;
    }} else if (method == "OPTIONS" && $rU == $null && uri == myself) {{
        append_to_reply("Allow: INVITE, ACK, OPTIONS\\r\\n");
        sl_send_reply("200", "OK");
    }} else {{
        sl_send_reply("404", "Not Found");
    }}
}}
"""
TLS = """
enable_tls=yes
listen=tls:127.0.0.1:{tls_port}
loadmodule "tls.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "{certificate}")
modparam("tls", "private_key", "{key}")
"""


@contextmanager
def kamailio(**tls: object) -> Iterator[int]:
    """Serves UDP and TCP on the port that is yielded; what TLS needs, if it is given, fills `TLS`."""
    if KAMAILIO is None:
        pytest.skip("needs kamailio: apt-get install kamailio")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "kamailio.cfg")
        config.write_text(CONFIG.format(port=port, more=TLS.format(**tls) if tls else ""))
        command = [
            KAMAILIO,
            "-DD",
            "-E",
            "-f",
            str(config),
            "-Y",
            folder,
            "-w",
            folder,
            "-m",
            "16",
            "-M",
            "4",
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
            try:
                _wait_until_it_accepts(port, server)
                yield port
            finally:
                server.terminate()


def _wait_until_it_accepts(port: int, server: subprocess.Popen[bytes]) -> None:
    give_up_s = time.monotonic() + 10
    while time.monotonic() < give_up_s and server.poll() is None:
        with socket.socket() as stream:
            if stream.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    server.terminate()
    assert server.stdout is not None
    raise RuntimeError(f"kamailio did not start: {server.stdout.read().decode()[-500:]}")
