"""What the settings of an SNMP probe accept, and what they say when they do not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from probes.snmp import Settings

V3 = {"version": "3", "user": "lw"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"version": "2"}, "version: must be one of 1, 2c, 3"),
        ({"community": ""}, "community: must be not empty"),
        ({"port": 0}, "port: must be 1 to 65535"),
        ({"interfaces": "("}, "interfaces: not a regular expression: missing )"),
        ({"types": ("ethernet",)}, "types: must be numbers, such as 6"),
        ({"request_timeout_s": 0.0}, "request_timeout: must be 50ms to 1m"),
        ({"version": "3"}, "user: must be a name, with version 3"),
        ({**V3, "auth_protocol": "sha3"}, "auth_protocol: must be one of md5, sha, sha224"),
        ({**V3, "auth_protocol": "sha", "auth_password": "short"}, "auth_password: must be at least 8"),
        (
            {**V3, "auth_password": "authpass123"},
            "auth_password: must be left out, or set with auth_protocol",
        ),
        ({**V3, "priv_protocol": "3des"}, "priv_protocol: must be one of des, aes, aes192"),
        (
            {**V3, "priv_protocol": "aes", "priv_password": "privpass123"},
            "priv_protocol: must be set with auth_protocol",
        ),
    ],
)
def test_a_wrong_setting_says_what_is_allowed(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Settings(**given)


def test_secrets_are_not_shown() -> None:
    settings = Settings(
        community="s3cret-community",
        auth_password="s3cret-auth",
        priv_password="s3cret-priv",
    )
    assert "s3cret" not in repr(settings)
