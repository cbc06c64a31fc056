"""A real Kamailio on 127.0.0.1 that answers OPTIONS by the user who is asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.probes.daemons import free_port, listening, need

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
    program = need("kamailio", "kamailio")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "kamailio.cfg")
        config.write_text(CONFIG.format(port=port, more=TLS.format(**tls) if tls else ""))
        command = [
            program,
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
        with listening(command, [port]):
            yield port
