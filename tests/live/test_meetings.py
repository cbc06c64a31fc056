"""`linkwatch run` on a meeting platform: a real nginx and Prosody in a namespace, stand-ins for the rest."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from linkwatch.config.shipped import rules_dir
from probes.testing import OPENSSL_MISSING, has_openssl, make_authority
from tests.live.watch import inbox, inventory, wait_for, watching
from tests.network import Namespace
from tests.probes.jitsi.inside.standins import Jvb, served, serving
from tests.probes.jitsi.platform import Platform, make_platform

pytestmark = pytest.mark.live

SIGNALLING = "Nền tảng họp meet hỏng phần signalling"
ROUNDS_S = 60
"""Some looks, which are ten seconds apart, on a busy machine."""


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    if not has_openssl():
        pytest.skip(OPENSSL_MISSING)
    for name in ("ca", "platform"):
        (tmp_path / name).mkdir()
    return make_platform(tmp_path / "platform", make_authority(tmp_path / "ca"))


def test_the_part_that_fails_is_paged_once_and_its_recovery_too(
    namespace: Namespace, platform: Platform, tmp_path: Path
) -> None:
    bridge = Jvb()
    with ExitStack() as stack:
        pages = stack.enter_context(inbox(namespace))
        with namespace.entered():
            stack.enter_context(platform.front())
            bridge_url = stack.enter_context(served(bridge))
            xmpp = stack.enter_context(ExitStack())
            start_xmpp(platform, xmpp)
        probe = {
            "type": "jitsi",
            "interval": "10s",
            "timeout": "5s",
            "url": f"https://127.0.0.1:{platform.web}/",
            "ca_file": str(platform.authority.ca_file),
            "media_port": 0,
            "inside": [{"bridges": [bridge_url]}],
        }
        rules = (rules_dir() / "jitsi.yml").read_text().replace("keep_firing_for: 1m", "keep_firing_for: 1s")
        (tmp_path / "jitsi.yml").write_text(rules)
        target = {"id": "meet", "kind": "meeting-server", "address": "127.0.0.1"}
        document = inventory(
            tmp_path,
            [{**target, "probes": [{"type": "icmp"}, probe]}],
            rules=["jitsi.yml", str(rules_dir() / "services.yml")],
        )
        watch = stack.enter_context(watching(namespace, tmp_path, document))

        def up(part: str) -> float | None:
            return watch.metric("linkwatch_jitsi_part_up", target="meet", part=part)

        wait_for(lambda: (up("focus"), up("bridge")) == (1, 1), ROUNDS_S)
        bridge.health = (403, "")
        wait_for(lambda: watch.metric("linkwatch_jitsi_way_open", part="bridge") == 0, ROUNDS_S)
        assert up("bridge") is None
        assert watch.metric("linkwatch_probe_success", target="meet", probe="jitsi") == 1
        xmpp.close()
        wait_for(lambda: pages.subjects(SIGNALLING), ROUNDS_S)
        assert up("log-in") is None
        with namespace.entered():
            start_xmpp(platform, xmpp)
        wait_for(lambda: watch.incidents()[0]["state"] == "resolved", 2 * ROUNDS_S)
        wait_for(lambda: len(pages.messages) == 2)
        assert len(watch.incidents()) == 1


def start_xmpp(platform: Platform, stack: ExitStack) -> None:
    """Prosody, and the focus that logs in at it."""
    stack.enter_context(platform.prosody())
    stack.enter_context(serving(platform.jicofo))
