"""Real servers with TLS or STARTTLS on 127.0.0.1, each on a port of its own; ended by their process."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

PATH = f"{os.environ['PATH']}:/usr/sbin"
Files = tuple[Path, Path]


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def need(program: str, package: str) -> str:
    found = shutil.which(program, path=PATH)
    if found is None:
        pytest.skip(f"needs {program}: apt-get install {package}")
    return found


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
    with running([program, "-p", str(folder), "-c", str(config)], list(ports.values())):
        yield ports


@contextmanager
def s_server(files: Files, *options: str) -> Iterator[int]:
    """openssl's own server."""
    chain, key = files
    [port] = free_ports(1)
    command = [need("openssl", "openssl"), "s_server", "-accept", f"127.0.0.1:{port}", "-quiet"]
    command += ["-cert", str(chain), "-cert_chain", str(chain), "-key", str(key), *options]
    with running(command, [port]):
        yield port


@contextmanager
def aiosmtpd(files: Files | None) -> Iterator[int]:
    """An SMTP server; without files it offers no STARTTLS."""
    [port] = free_ports(1)
    command = [sys.executable, "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{port}"]
    if files:
        command += ["--tlscert", str(files[0]), "--tlskey", str(files[1]), "--no-requiretls"]
    with running(command, [port]):
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
    with running([program, "-F", "-c", str(config)], list(ports.values())):
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
    with running([program, "-F", "--config", str(config)], [port]):
        yield port


@contextmanager
def slapd(folder: Path, files: Files | None) -> Iterator[int]:
    """An LDAP server; without files it refuses STARTTLS."""
    program = need("slapd", "slapd")
    [port] = free_ports(1)
    tls = f"TLSCertificateFile {files[0]}\nTLSCertificateKeyFile {files[1]}\n" if files else ""
    config = folder / "slapd.conf"
    config.write_text(f"pidfile {folder}/slapd.pid\n{tls}")
    with running([program, "-h", f"ldap://127.0.0.1:{port}", "-f", str(config), "-d", "0"], [port]):
        yield port


@contextmanager
def running(command: Sequence[str], ports: Sequence[int]) -> Iterator[None]:
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            give_up_s = time.monotonic() + 15
            while not all(map(_accepts, ports)):
                if process.poll() is not None or time.monotonic() > give_up_s:
                    raise RuntimeError(f"{command[0]} did not start")
                time.sleep(0.02)
            yield
        finally:
            process.terminate()


def _accepts(port: int) -> bool:
    with socket.socket() as stream:
        return stream.connect_ex(("127.0.0.1", port)) == 0
