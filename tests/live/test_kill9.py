"""The whole path is killed at random moments while pages go out: nothing is lost, little comes twice."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.live.test_outage import quick
from tests.live.watch import Inbox, Watch, inbox, wait_for
from tests.network import Namespace

pytestmark = pytest.mark.live

KILLS = 20
TARGETS = 100
REPEATED = "(gửi lại)"


def test_twenty_kills_lose_no_page_and_repeat_at_most_one_each(namespace: Namespace, tmp_path: Path) -> None:
    targets = [{"id": f"link-{i:02}", "address": f"10.50.1.{i + 1}"} for i in range(TARGETS)]
    dice = random.Random(20)
    watch = Watch(namespace, tmp_path, quick(tmp_path, targets))
    with inbox(namespace, delay_s=0.15) as pages:
        watch.start()
        wait_for(lambda: watch.metric("linkwatch_up", target=f"link-{TARGETS - 1}") == 1)
        for kill in range(KILLS):
            first = kill * (TARGETS // KILLS)
            namespace.cut(*(f"10.50.1.{1 + i}" for i in range(first, first + TARGETS // KILLS)))
            time.sleep(dice.uniform(0.8, 3.0))  # from before the verdict to after the last message
            watch.kill()
            watch.start()
        wait_for(lambda: roots(pages) == {target["id"] for target in targets}, 60)
        wait_for(lambda: not undelivered(watch), 30)
        watch.stop()
    told = Counter(map(root_of, pages.subjects()))
    repeated = sum(count - 1 for count in told.values())
    print(f"{KILLS} kills, {TARGETS} outages: lost {TARGETS - len(told)}, repeated {repeated}")
    assert repeated <= KILLS
    assert len([text for _, _, text in pages.messages if REPEATED in text]) >= repeated, "not marked"


def root_of(subject: str) -> str:
    return subject.split("] ")[1].split(":")[0]


def roots(pages: Inbox) -> set[str]:
    return set(map(root_of, pages.subjects()))


def undelivered(watch: Watch) -> list[str]:
    told = [notification for incident in watch.incidents() for notification in incident["notifications"]]
    return [notification["state"] for notification in told if notification["state"] != "delivered"]
