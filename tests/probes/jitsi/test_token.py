"""A platform that wants a token (JWT), which browsers show in the address of the signalling."""

from __future__ import annotations

from dataclasses import replace

import pytest

from probes.jitsi import Settings
from probes.jitsi.sampling import probe
from probes.sample import Reason, Sample, Target
from tests.probes.jitsi.platform import CONFIG, GUESTS, Platform

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJyb29tIjoiKiJ9.c2lnbmF0dXJl-_"

# What mod_auth_token of Jitsi does, but for the look into the token; that is not part of Prosody.
DOOR = """
local sasl, formdecode = require "util.sasl", require "util.http".formdecode;
local function look(event)
  event.session.shown = formdecode(event.request.url.query or "").token;
end
module:hook_global("bosh-session", look);
module:hook_global("websocket-session", look);
module:provides("auth", { get_sasl_handler = function(session)
  return sasl.new(module.host, { anonymous = function(self)
    if session.shown == "TOKEN" then return true; end
    return false, "not-allowed", "token required";
  end });
end });
sasl.registerMechanism("ANONYMOUS", { "anonymous" }, function(self)
  self.username = require "util.uuid".generate();
  local good, condition, text = self.profile.anonymous(self);
  if good then return "success"; end
  return "failure", condition, text;
end);
"""


@pytest.fixture
def guarded(platform: Platform) -> Platform:
    """Its main domain lets in nobody without the token."""
    plugins = platform.folder / "plugins"
    plugins.mkdir()
    (plugins / "mod_auth_door.lua").write_text(DOOR.replace("TOKEN", TOKEN))
    platform.authentication = "door"
    return platform


async def look(platform: Platform, token: str = TOKEN) -> Sample:
    settings = Settings(ca_file=str(platform.authority.ca_file), media_port=0, token=token)
    return await probe(Target("t", f"127.0.0.1:{platform.web}"), settings, 10.0)


@pytest.mark.parametrize("transports", ['"bosh"', '"websocket"', '"bosh", "websocket"'])
async def test_the_token_opens_the_door_over_either_way(guarded: Platform, transports: str) -> None:
    guarded.transports = transports
    without = {'"bosh"': "config.websocket", '"websocket"': "config.bosh"}.get(transports, "none")
    guarded.config = "".join(line for line in CONFIG.splitlines(True) if not line.startswith(without))
    async with guarded.whole():
        sample = await look(guarded)
    assert sample.ok, sample.detail
    assert sample.facts["log-in"] == "good: guest with a token at meet.test"
    assert TOKEN not in repr(sample)


async def test_a_token_that_is_refused_is_a_matter_of_the_log_in_and_stays_secret(guarded: Platform) -> None:
    async with guarded.whole():
        sample = await look(guarded, token=TOKEN.replace("c2ln", "YmFk"))
    assert (sample.reason, sample.facts["failing"]) == (Reason.AUTH, "log-in")
    assert sample.detail == (
        "log-in: websocket: guest with a token at meet.test: the server refuses the log-in (not-allowed)"
    )
    assert "YmFk" not in repr(sample)
    assert not sample.is_repeatable


async def test_a_platform_that_wants_a_token_is_not_called_down_where_none_is_set(guarded: Platform) -> None:
    async with guarded.whole():
        sample = await look(guarded, token="")
    assert sample.ok, sample.detail
    assert sample.facts["log-in"] == "not asked"
    assert sample.facts["not_asked"] == "meet.test refuses guests, and no token is set"


async def test_guests_of_a_domain_of_their_own_show_none(guarded: Platform) -> None:
    guarded.config = CONFIG + GUESTS
    async with guarded.whole():
        sample = await look(guarded)
    assert sample.ok, sample.detail
    assert sample.facts["log-in"] == "good: guest at guest.meet.test; good: guest with a token at meet.test"


async def test_a_token_is_shown_to_the_host_of_the_page_alone(guarded: Platform) -> None:
    elsewhere = f"wss://localhost:{guarded.web}/xmpp-websocket"
    guarded.config = f"var config = {{ hosts: {{ domain: 'meet.test' }}, websocket: '{elsewhere}' }}"
    async with guarded.whole():
        sample = await look(guarded)
    assert sample.reason is Reason.PERMISSION
    assert "a token is shown to the host of the page alone, and in TLS" in sample.detail


def test_a_token_is_no_part_of_what_is_shown_of_settings() -> None:
    settings = Settings(token=TOKEN)
    assert TOKEN not in repr(settings)
    with pytest.raises(ValueError, match="token: must be left out where there is a user"):
        replace(settings, user="lw", password="m4t-khau")
