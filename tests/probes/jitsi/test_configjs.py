"""config.js in every shape that Jitsi documents, in broken ones, and in shapes made to keep us busy."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from probes.jitsi.configjs import UselessConfig, read_config
from probes.jitsi.javascript import COMPUTED, read_script
from probes.jitsi.tokens import ScriptError

PAGE = URL("https://meet.test/")

# As the Debian package has it: comments with quotes, server-side includes, values that are put together.
DEBIAN = """
/* eslint-disable no-unused-vars, no-var */
var subdir = '<!--# echo var="subdir" default="" -->';
var subdomain = '<!--# echo var="subdomain" default="" -->';
if (subdomain) {
    subdomain = subdomain.substr(0, subdomain.length - 1).split('.')
        .join('_')
        .toLowerCase() + '.';
}
if (subdir.startsWith('<!--')) {
    subdir = '';
}
var enableExtra = false;
var config = {
    // It's here that clients learn of us.
    hosts: {
        domain: 'meet.test',
        // anonymousdomain: 'guest.example.com',
        // focus: 'focus.example.com',
        muc: 'conference.' + subdomain + 'meet.test',
    },
    bosh: '//meet.test/' + subdir + 'http-bind',
    // websocket: 'wss://example.com/xmpp-websocket',
    testing: { probability: -1, list: [ 'a', { b: 1 } ], name(path) { return path; }, when: x => x.y },
    pattern: /[/'"{]+/g,
    choice: enableExtra ? 'x' : 'y',
    last: 'even if it has a trailing comma',
};
if (enableExtra) {
    config.bosh = 'https://elsewhere.test/http-bind';
}
typeof module === 'object'
    && (module.exports = config);
"""

# As docker-jitsi-meet has it: one assignment after the other, not every one of them with a semicolon.
DOCKER = """
var config = {};
config.hosts = {};
config.hosts.domain = 'meet.jitsi';
config.hosts.anonymousdomain = 'guest.meet.jitsi';
config.hosts.authdomain = 'auth.meet.jitsi'
config['hosts']['focus'] = "focus.other";
config.flag = enable ? true : false
config.bosh = 'https://meet.test:8443/' + 'http-bind'
config.websocket = `wss://meet.test:8443/xmpp-websocket`;
config.preferBosh = true;
config.welcomePage = { ...config.welcomePage, disabled: true };
"""


def test_the_debian_form_is_read() -> None:
    announced = read_config(DEBIAN, PAGE)
    assert (announced.domain, announced.guest_domain, announced.focus) == ("meet.test", "", "focus.meet.test")
    assert (announced.bosh, announced.websocket) == (URL("https://meet.test/http-bind"), None)
    assert not announced.guessed


def test_the_docker_form_is_read() -> None:
    announced = read_config(DOCKER, PAGE)
    assert announced.domain == "meet.jitsi"
    assert (announced.guest_domain, announced.user_domain) == ("guest.meet.jitsi", "auth.meet.jitsi")
    assert (announced.focus, announced.prefers_bosh) == ("focus.other", True)
    assert announced.bosh == URL("https://meet.test:8443/http-bind")
    assert announced.websocket == URL("wss://meet.test:8443/xmpp-websocket")


def test_hosts_may_be_assigned_as_a_whole_to_a_config_that_was_only_declared() -> None:
    announced = read_config(
        "var config;\nconfig.hosts =\n { domain: 'a.b' };\nconfig.bosh = '/http-bind'", PAGE
    )
    assert (announced.domain, announced.bosh) == ("a.b", URL("https://meet.test/http-bind"))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("'/http-bind'", "https://meet.test/http-bind"),
        ("'//xmpp.test/http-bind'", "https://xmpp.test/http-bind"),
        ("'https://xmpp.test:5281/http-bind'", "https://xmpp.test:5281/http-bind"),
        ("'//' + location.host + '/http-bind'", "https://meet.test/http-bind"),
        ("window.location.origin + '/http-bind'", "https://meet.test/http-bind"),
        (r"'https:\/\/meet.test\/http\x2dbind'", "https://meet.test/http-bind"),
        ("""'<!--# echo var="host" -->/http-bind'""", "https://meet.test/http-bind"),
    ],
)
def test_an_address_is_what_a_browser_would_take_it_for(written: str, read: str) -> None:
    announced = read_config(f"var config = {{ hosts: {{ domain: 'a' }}, bosh: {written} }}", PAGE)
    assert (announced.bosh, announced.guessed) == (URL(read), ())


@pytest.mark.parametrize(
    "written", ["f()", "x ? '/a' : '/b'", "`${host}/http-bind`", "hosts[0]", "a || '/b'"]
)
def test_what_is_computed_is_guessed_and_that_is_said(written: str) -> None:
    announced = read_config(f"var config = {{ hosts: {{ domain: 'a' }}, bosh: {written}, z: 1 }}", PAGE)
    assert (announced.bosh, announced.guessed) == (URL("https://meet.test/http-bind"), ("bosh",))


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("x = 1", "it sets no config"),
        ("config = { bosh: '/' }", "it names no hosts.domain"),
        ("config = { hosts: { domain: 'a b' }, bosh: '/' }", "hosts.domain is no domain"),
        ("config = { hosts: { domain: \"a'/>\" }, bosh: '/' }", "hosts.domain is no domain"),
        ("config = { hosts: { domain: 'a' } }", "it names neither bosh nor websocket"),
        (
            "config = { hosts: { domain: 'a' }, bosh: 'ftp://a/' }",
            "bosh is no address that begins with https://",
        ),
        (
            "config = { hosts: { domain: 'a' }, websocket: 'https://a/' }",
            "websocket is no address that begins",
        ),
    ],
)
def test_what_no_client_could_use_is_told(source: str, why: str) -> None:
    with pytest.raises(UselessConfig, match=why):
        read_config(source, PAGE)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("config = {\n a: 'b'\n c: 'd' }", "line 3: a comma is missing before 'c'"),
        ("config = {\n a: 'b,\n }", "line 2: a text has no end"),
        ("config = {\n /* a: 'b' }", "line 2: a comment has no end"),
        ("config = {\n a: { b: 1 }\n", "line 1: '}' is missing"),
        ("config = {};\n}", "line 2: '}' closes nothing"),
    ],
)
def test_what_no_browser_could_read_is_told_with_its_line(source: str, why: str) -> None:
    with pytest.raises(ScriptError, match=why):
        read_script(source, {})


def test_blocks_of_code_are_passed_over() -> None:
    names = read_script("if (a) b = 'c'; for (;;) { b = 'd' } function f() { b = 'e' } x = 'y'", {})
    assert names == {"x": "y"}


def test_what_is_not_followed_is_told_from_what_is_empty() -> None:
    names = read_script("a = ''; b = new X(); c = function () { return {} }\nd = 'e'", {})
    assert names == {"a": "", "b": COMPUTED, "c": COMPUTED, "d": "e"}


def test_a_text_that_doubles_itself_fills_no_memory() -> None:
    names = read_script(f"a = '{'x' * 1000}'; {'a = a + a; ' * 40}", {})
    assert names == {"a": COMPUTED}


@given(st.text(alphabet="aconfig.='\"`{}[]()+,:;/*<!-?&|\\\n \t=>0é", max_size=200))
def test_no_script_brings_the_reader_down(source: str) -> None:
    for read in (lambda: read_script(source, {}), lambda: read_config(f"config={{{source}}}", PAGE)):
        with contextlib.suppress(ScriptError, UselessConfig):
            read()


@pytest.mark.parametrize(
    "piece",
    ["{", "{a:", "(", "[", "/", "=/[", "/*/", "'\\", "a.", "a=b?", "`${", "a=b\n", "a+", "if(", "<!--#"],
)
def test_a_megabyte_made_for_it_does_not_keep_the_reader_busy(piece: str) -> None:
    began_s = time.process_time()
    with contextlib.suppress(ScriptError):
        read_script(f"config={piece * (1_000_000 // len(piece))}", {})
    assert time.process_time() - began_s < 3.0
