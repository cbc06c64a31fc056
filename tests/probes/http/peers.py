"""Real web servers and proxies on 127.0.0.1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.probes.daemons import free_ports, listening, need

_TINYPROXY = """
Port {port}
Listen 127.0.0.1
Timeout 10
LogFile "{folder}/tinyproxy.log"
LogLevel Connect
MaxClients 20
{more}
"""

_LIGHTTPD = """
server.document-root = "{folder}"
server.bind = "127.0.0.1"
server.port = {port}
server.modules = ("mod_auth", "mod_authn_file")
index-file.names = ("index.html")
auth.backend = "plain"
auth.backend.plain.userfile = "{folder}/users"
auth.require = ("/" => ("method" => "{scheme}", "realm" => "noc", "require" => "valid-user"))
"""


@contextmanager
def tinyproxy(folder: Path, more: str = "") -> Iterator[int]:
    """An HTTP proxy; `more` are further directives. Its log is `folder/tinyproxy.log`."""
    [port] = free_ports(1)
    config = folder / "tinyproxy.conf"
    config.write_text(_TINYPROXY.format(port=port, folder=folder, more=more))
    with listening([need("tinyproxy", "tinyproxy-bin"), "-d", "-c", str(config)], [port]):
        yield port


@contextmanager
def lighttpd(folder: Path, scheme: str) -> Iterator[int]:
    """A page that wants the login noc:s3cret-pw, by `basic` or `digest`."""
    [port] = free_ports(1)
    (folder / "users").write_text("noc:s3cret-pw\n")
    (folder / "index.html").write_text("xin chào")
    config = folder / "lighttpd.conf"
    config.write_text(_LIGHTTPD.format(port=port, folder=folder, scheme=scheme))
    with listening([need("lighttpd", "lighttpd"), "-D", "-f", str(config)], [port]):
        yield port
