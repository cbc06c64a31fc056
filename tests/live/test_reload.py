"""A running service takes over a changed file, and keeps what it knows of what did not change."""

from __future__ import annotations

import signal
import time
import urllib.error
from pathlib import Path

import pytest
import yaml

from tests.live.test_outage import quick, target
from tests.live.watch import inbox, wait_for, watching
from tests.network import Namespace

pytestmark = pytest.mark.live


def test_a_reload_keeps_what_did_not_change_and_a_bad_file_changes_nothing(
    namespace: Namespace, tmp_path: Path
) -> None:
    document = quick(tmp_path, [target("link", 1), target("camera", 2, via=["link"]), target("old", 3)])
    with inbox(namespace) as pages, watching(namespace, tmp_path, document) as watch:
        wait_for(lambda: watch.metric("linkwatch_up", target="old") == 1)
        namespace.cut("10.50.1.1")
        wait_for(lambda: pages.subjects("link"))
        sent = watch.metric("linkwatch_icmp_sent_total", target="camera")
        document["targets"] = [*document["targets"][:2], {**document["targets"][2], "id": "new"}]
        watch.file.write_text(yaml.safe_dump(document))
        assert '"targets":3' in watch.get("/api/v1/reload", "POST").replace(" ", "")
        wait_for(lambda: watch.metric("linkwatch_up", target="new") == 1)
        assert watch.metric("linkwatch_up", target="old") is None
        assert watch.metric("linkwatch_up", target="link") == 0
        assert (watch.metric("linkwatch_icmp_sent_total", target="camera") or 0) >= (sent or 0) > 0
        time.sleep(2)
        assert len(watch.incidents()) == 1, "the outage goes on as the same incident"
        watch.file.write_text("targets: [{id: 1x, kind: nothing}]")
        with pytest.raises(urllib.error.HTTPError, match="422"):
            watch.get("/api/v1/reload", "POST")
        assert watch.metric("linkwatch_config_last_reload_successful") == 0
        assert watch.metric("linkwatch_up", target="new") == 1
        watch.file.write_text(yaml.safe_dump(document))
        watch.signal(signal.SIGHUP)
        wait_for(lambda: watch.metric("linkwatch_config_last_reload_successful") == 1)
        namespace.mend()
        wait_for(lambda: watch.incidents()[0]["state"] == "resolved", 20)
        wait_for(lambda: len(pages.messages) == 2)
    assert len(pages.subjects("link")) == 2, pages.subjects()
