"""`linkwatch notify test`: does a contact hear us?"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from linkwatch.cli.configuration import read_config
from linkwatch.cli.failures import MEASURED_BAD, WRONG_INPUT, fail
from linkwatch.config.problems import suggest
from linkwatch.config.settings import Config
from linkwatch.notify.channel import Delivered, Failed, Message, Outcome
from linkwatch.notify.channels import build_channels

SUBJECT = {"vi": "LinkWatch: tin nhắn thử", "en": "LinkWatch: test message"}
BODY = {
    "vi": "Đây là tin nhắn thử của LinkWatch gửi tới {name}. Không cần xử lý.",
    "en": "This is a test message of LinkWatch to {name}. Nothing needs to be done.",
}


@click.group("notify", short_help="Send a test message to a contact.")
def command() -> None:
    """Send messages by hand."""


@command.command("test")
@click.argument("contact")
@click.option(
    "--config", "file", required=True, type=click.Path(exists=True, path_type=Path), help="The inventory."
)
@click.option("--channel", help="Only this channel (default: every channel of the contact).")
def test(contact: str, file: Path, channel: str | None) -> None:
    """Send a test message to CONTACT over each of its channels, and say what became of it.

    Exit code: 0 all delivered, 1 some not, 2 no such contact or channel.
    """
    config = read_config(file)
    contacts = config.inventory.contacts
    if contact not in contacts:
        fail(f"there is no contact {contact!r}{suggest(contact, contacts)}", WRONG_INPUT)
    names = list(contacts[contact].channels)
    if channel is not None and channel not in names:
        fail(f"{contact} has no channel {channel!r}{suggest(channel, names)}", WRONG_INPUT)
    if not names:
        fail(f"{contact} has no channel and can never be told", WRONG_INPUT)
    outcomes = asyncio.run(_send(config, contact, [channel] if channel else names))
    for name, outcome in outcomes.items():
        click.echo(f"{contact} {name}: {_describe(outcome)}")
    sys.exit(0 if all(isinstance(outcome, Delivered) for outcome in outcomes.values()) else MEASURED_BAD)


async def _send(config: Config, contact: str, names: list[str]) -> dict[str, Outcome]:
    person = config.inventory.contacts[contact]
    channels = build_channels(config.channels, config.inventory.contacts)
    body = BODY[person.language].format(name=person.name)
    found = {}
    for name in names:
        message = Message(SUBJECT[person.language], body, key=f"test/{contact}/{name}")
        found[name] = await channels.send(contact, name, message)
    return found


def _describe(outcome: Outcome) -> str:
    match outcome:
        case Delivered():
            return "delivered"
        case Failed():
            return f"failed: {outcome.detail}"
        case _:
            return f"unknown, it may have arrived: {outcome.detail}"
