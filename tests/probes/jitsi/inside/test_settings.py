"""What may be written of the ways in, and what the mistakes are answered with."""

from __future__ import annotations

from typing import Any

import pytest

from probes.jitsi.inside import Inside, check_inside

JVB = "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "bridges: must be given, unless jicofo, prosody or prometheus is"),
        ({"bridges": ("127.0.0.1:8080",)}, "bridges: must be http://HOST:PORT or https://HOST/PATH"),
        ({"bridges": ("",)}, "bridges: must be http://HOST:PORT"),
        ({"jicofo": "ftp://a/"}, "jicofo: must be http://HOST:PORT"),
        ({"jicofo": "http://u:hunter22@a/"}, "without user and query"),
        ({"prosody": "http://a/?token=hunter22"}, "without user and query"),
        ({"prometheus": "http://a:9090"}, "prometheus_bridges: must be given beside prometheus"),
        ({"bridges": (JVB,), "prometheus_jicofo": 'job="x"'}, "prometheus: must be given"),
        ({"prometheus": "http://a", "prometheus_bridges": "job=jvb"}, "labels such as"),
        ({"prometheus": "http://a", "prometheus_bridges": '{job="jvb"}'}, "without braces"),
        ({"prometheus": "http://a", "prometheus_bridges": 'a="b"} or vector(1'}, "without braces"),
        ({"bridges": (JVB,), "client_key_file": "k.pem"}, "client_key_file: must be left out"),
    ],
)
def test_mistakes_are_answered_with_what_is_allowed(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match="must be") as caught:
        Inside(**given)
    assert words in str(caught.value)
    assert "hunter22" not in str(caught.value)


def test_the_ways_lead_to_one_platform() -> None:
    check_inside(())
    check_inside((Inside(bridges=(JVB,)), Inside(bridges=("http://127.0.0.2:8080",), jicofo="http://a")))
    with pytest.raises(ValueError, match="inside: must be of different bridges"):
        check_inside((Inside(bridges=(JVB,)), Inside(bridges=(JVB + "/",))))
    twice = Inside(jicofo="http://a", prometheus="http://b", prometheus_jicofo='job="j"')
    with pytest.raises(ValueError, match="one jicofo"):
        check_inside((twice,))
    with pytest.raises(ValueError, match="at most 32 bridges"):
        check_inside((Inside(bridges=tuple(f"http://a:{port}" for port in range(1, 34))),))


def test_secrets_are_left_out_of_repr() -> None:
    assert "hunter22" not in repr(Inside(bridges=(JVB,), bearer_token="hunter22"))
