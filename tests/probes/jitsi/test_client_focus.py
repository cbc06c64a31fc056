"""A focus as docker-jitsi-meet has it: Jicofo is a user at a domain of its own, behind a component that
passes requests on to it (mod_client_proxy).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from yarl import URL

from probes.attempt import Attempt
from probes.http.access import AccessSettings
from probes.http.client import Client
from probes.jitsi import Settings
from probes.jitsi.login import log_in
from probes.jitsi.sampling import probe
from probes.jitsi.sasl import Account
from probes.jitsi.websocket import WebsocketStream
from probes.sample import Reason, Sample, Target
from tests.probes.jitsi.platform import CONFIG, Platform

FOCUS = Account("auth.meet.test", "focus", "b1-m4t")

# What mod_client_proxy does with requests, answers and presence; that is not part of Prosody.
PROXY = """
local st, jid = require "util.stanza", require "util.jid";
local target, session = module:get_option_string("target_address"), nil;
local function pass(stanza, from, to)
  stanza.attr.from, stanza.attr.to = from, to;
  module:send(stanza);
end
local function handle(event)
  local stanza = event.stanza;
  local from, to = stanza.attr.from, stanza.attr.to;
  if jid.bare(from) == target then
    if stanza.name == "presence" then
      session = not stanza.attr.type and from or nil;
    else
      pass(stanza, module.host, select(3, jid.split(to)));
    end
  elseif session then
    pass(stanza, module.host .. "/" .. from, session);
  else
    module:send(st.error_reply(stanza, "cancel", "service-unavailable"));
  end
  return true;
end
for _, name in ipairs({ "iq/host", "iq/full", "presence/host", "presence/full" }) do
  module:hook(name, handle, -1);
end
"""

HOSTS = """
VirtualHost "auth.meet.test"
  authentication = "internal_plain"
Component "jicofo.meet.test" "client_proxy"
  target_address = "focus@auth.meet.test"
"""


def prepare(platform: Platform) -> None:
    """Before Prosody starts."""
    platform.config = CONFIG + "config.hosts.focus = 'jicofo.meet.test';"
    plugins, accounts = (
        platform.folder / "plugins",
        platform.folder / "data" / "auth%2emeet%2etest" / "accounts",
    )
    for folder in (plugins, accounts):
        folder.mkdir(parents=True)
    (plugins / "mod_client_proxy.lua").write_text(PROXY)
    (accounts / "focus.dat").write_text(f'return {{ ["password"] = "{FOCUS.password}" }}')


@asynccontextmanager
async def jicofo(platform: Platform) -> AsyncIterator[None]:
    """Logs in, shows itself to the component, and answers what that passes on."""
    url = URL(f"http://127.0.0.1:{platform.xmpp}/xmpp-websocket")
    async with Client(Target("jicofo", "127.0.0.1"), AccessSettings(), url, Attempt()) as client:
        stream = WebsocketStream(client, url, FOCUS.domain)
        await log_in(stream, await stream.open(), FOCUS, may_tell=True)
        await stream.send("<presence xmlns='jabber:client' to='jicofo.meet.test'/>")
        answering = asyncio.create_task(_answer(stream))
        try:
            yield
        finally:
            answering.cancel()
            with suppress(asyncio.CancelledError):
                await answering
            await stream.close()


async def _answer(stream: WebsocketStream) -> None:
    while True:
        asked = await stream.receive()
        head = f"<iq xmlns='jabber:client' type='result' id='{asked.get('id')}'"
        await stream.send(f"{head} to='{asked.get('from')}'/>")


async def look(platform: Platform) -> Sample:
    settings = Settings(ca_file=str(platform.authority.ca_file), media_port=0)
    return await probe(Target("t", f"127.0.0.1:{platform.web}"), settings, 10.0)


async def test_a_focus_that_is_a_user_behind_a_component_is_there_while_it_is_logged_in(
    platform: Platform,
) -> None:
    prepare(platform)
    with platform.prosody(HOSTS), platform.front():
        async with jicofo(platform):
            there = await look(platform)
        gone = await look(platform)
    assert there.ok, there.detail
    assert there.facts["focus"] == "good: jicofo.meet.test"
    assert (gone.reason, gone.facts["failing"]) == (Reason.UNREACHABLE, "focus")
    assert gone.detail == ("focus: jicofo.meet.test: it does not answer, Prosody says: service-unavailable")
