"""What the settings of an RTSP probe accept, and which URL they make."""

from __future__ import annotations

import re
from typing import Any

import pytest

from probes.rtsp import Settings
from probes.rtsp.watching import stream_url


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"path": "live"}, "path: must be a path that begins with /"),
        ({"path": "/a b"}, "path: must be a path that begins with /, without spaces"),
        ({"path": "/a\r\nX: 1"}, "path: must be a path that begins with /"),
        ({"port": 0}, "port: must be 1 to 65535"),
        ({"user": "a:b"}, "user: must be one line without a colon"),
        ({"user": "a\nb"}, "user: must be one line"),
        ({"user": "a", "password": "b\n"}, "password: must be one line"),
        ({"password": "b"}, "user: must be given where a password is"),
        ({"transport": "http"}, "transport: must be tcp or udp"),
        ({"watch_s": 0.1}, "watch: must be 1s to 30s"),
        ({"watch_s": 1.0}, "frozen_after: must be 500ms to as long as watch"),
        ({"max_loss": 5.0}, "max_loss: must be 0 to 1"),
    ],
)
def test_a_wrong_setting_says_what_is_allowed(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Settings(**given)


def test_nothing_secret_is_shown() -> None:
    shown = repr(Settings(path="/user=admin_password=pw1", user="admin", password="pw2"))
    assert "pw" not in shown.replace("password", "")
    assert "admin" not in shown


@pytest.mark.parametrize(
    ("host", "port", "path", "url"),
    [
        ("10.0.0.9", 554, "/", "rtsp://10.0.0.9/"),
        ("10.0.0.9", 8554, "/live?sub=1", "rtsp://10.0.0.9:8554/live?sub=1"),
        ("fd00::9", 554, "/1", "rtsp://[fd00::9]/1"),
        ("cam.example", 8554, "", "rtsp://cam.example:8554/"),
    ],
)
def test_the_url_of_a_stream(host: str, port: int, path: str, url: str) -> None:
    assert stream_url(host, port, path) == url
