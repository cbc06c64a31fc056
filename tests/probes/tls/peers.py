"""Real servers with TLS or STARTTLS on 127.0.0.1, each on a port of its own; ended by their process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.probes.daemons import free_ports, listening, need

Files = tuple[Path, Path]


def need_root(program: str) -> None:
    if os.geteuid() != 0:
        pytest.skip(f"needs root: {program} starts its parts as users of their own")


@contextmanager
def nginx(folder: Path, servers: Mapping[str, tuple[Files, str]]) -> Iterator[dict[str, int]]:
    """Servers by name, each with chain, key and further directives; yields their ports."""
    program = need("nginx", "nginx-light")
    ports = dict(zip(servers, free_ports(len(servers)), strict=True))
    blocks = [
        f"server {{ listen 127.0.0.1:{ports[name]} ssl; ssl_certificate {chain}; ssl_certificate_key {key};"
        f" {more} return 204; }}"
        for name, ((chain, key), more) in servers.items()
    ]
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; master_process off; pid {folder}/nginx.pid; events {{}} error_log {folder}/error.log;"
        f"http {{ access_log off; {temporary} {' '.join(blocks)} }}"
    )
    with listening([program, "-p", str(folder), "-c", str(config)], list(ports.values())):
        yield ports


@contextmanager
def s_server(files: Files, *options: str) -> Iterator[int]:
    """openssl's own server."""
    chain, key = files
    [port] = free_ports(1)
    command = [need("openssl", "openssl"), "s_server", "-accept", f"127.0.0.1:{port}", "-quiet"]
    command += ["-cert", str(chain), "-cert_chain", str(chain), "-key", str(key), *options]
    with listening(command, [port]):
        yield port


@contextmanager
def aiosmtpd(files: Files | None) -> Iterator[int]:
    """An SMTP server; without files it offers no STARTTLS."""
    [port] = free_ports(1)
    command = [sys.executable, "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{port}"]
    if files:
        command += ["--tlscert", str(files[0]), "--tlskey", str(files[1]), "--no-requiretls"]
    with listening(command, [port]):
        yield port


_DOVECOT = """
protocols = imap pop3
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
ssl = yes
ssl_cert = <{chain}
ssl_key = <{key}
mail_location = maildir:{folder}/mail
passdb {{
  driver = static
  args = nopassword=y
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
"""


@contextmanager
def dovecot(folder: Path, files: Files) -> Iterator[dict[str, int]]:
    """IMAP and POP3."""
    program = need("dovecot", "dovecot-imapd dovecot-pop3d")
    need_root("dovecot")
    ports = dict(zip(("imap", "pop3"), free_ports(2), strict=True))
    config = folder / "dovecot.conf"
    config.write_text(_DOVECOT.format(folder=folder, chain=files[0], key=files[1], **ports))
    with listening([program, "-F", "-c", str(config)], list(ports.values())):
        yield ports


_PROSODY = """
run_as_root = true
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
s2s_ports = {{}}
modules_enabled = {{ {modules} }}
modules_disabled = {{ "s2s" }}
allow_unencrypted_plain_auth = true
data_path = "{folder}"
certificates = "{folder}"
c2s_require_encryption = {required}
log = {{ error = "{folder}/prosody.log" }}
VirtualHost "{name}"
  {ssl}
"""


@contextmanager
def prosody(folder: Path, files: Files | None, name: str) -> Iterator[int]:
    """An XMPP server for clients; without files it offers no STARTTLS."""
    program = need("prosody", "prosody")
    [port] = free_ports(1)
    given = {
        "modules": '"tls", "saslauth"' if files else '"saslauth"',
        "ssl": f'ssl = {{ certificate = "{files[0]}"; key = "{files[1]}" }}' if files else "",
        "required": "true" if files else "false",
    }
    config = folder / "prosody.cfg.lua"
    config.write_text(_PROSODY.format(port=port, folder=folder, name=name, **given))
    with listening([program, "-F", "--config", str(config)], [port]):
        yield port


@contextmanager
def slapd(folder: Path, files: Files | None) -> Iterator[int]:
    """An LDAP server; without files it refuses STARTTLS."""
    program = need("slapd", "slapd")
    [port] = free_ports(1)
    tls = f"TLSCertificateFile {files[0]}\nTLSCertificateKeyFile {files[1]}\n" if files else ""
    config = folder / "slapd.conf"
    config.write_text(f"pidfile {folder}/slapd.pid\n{tls}")
    with listening([program, "-h", f"ldap://127.0.0.1:{port}", "-f", str(config), "-d", "0"], [port]):
        yield port
