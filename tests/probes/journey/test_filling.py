"""Values that strangers sent stay what they are, wherever they are put; settings say what is wrong."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from probes.failure import ProbeError
from probes.http.exchange import Answer
from probes.journey import Settings
from probes.journey.filling import Carried, fill_request
from probes.journey.settings import Step
from probes.journey.source import find_value

HOME = URL("https://portal.example/")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def carried(value: str, page: str = "https://portal.example/login/form") -> dict[str, Carried]:
    return {"v": Carried(value, URL(page))}


@given(TEXTS)
def test_a_value_in_a_query_arrives_as_it_was(value: str) -> None:
    url = fill_request(Step(name="s", url="/find?q={{v}}&n=1"), carried(value), HOME).url
    assert (url.origin(), url.path) == (HOME.origin(), "/find")
    assert dict(url.query) == {"q": value, "n": "1"}


@given(TEXTS)
def test_a_value_in_a_path_stays_one_piece_of_it_or_is_refused(value: str) -> None:
    step = Step(name="s", url="/a/{{v}}/b?c=../{{v}}")
    if value in (".", ".."):
        with pytest.raises(ProbeError, match="makes no piece of a path"):
            fill_request(step, carried(value), HOME)
    else:
        url = fill_request(step, carried(value), HOME).url
        assert (url.origin(), dict(url.query), url.raw_fragment) == (HOME.origin(), {"c": f"../{value}"}, "")
        pieces = url.raw_path.split("/")
        assert [unquote(piece) for piece in pieces] == ["", "a", value, "b"]


@pytest.mark.parametrize(
    "url", ["/a/{{v}}", "/a/.{{dot}}/b", "/{{dot}}{{dot}}", "https://portal.example/a/{{v}}"]
)
def test_a_value_does_not_lead_up_a_path(url: str) -> None:
    """`..` out of a path would let a page choose which other one gets our password."""
    both = {**carried(".."), "dot": Carried(".", HOME)}
    with pytest.raises(ProbeError, match="makes no piece of a path"):
        fill_request(Step(name="s", url=url), both, HOME)
    assert fill_request(Step(name="s", url="/a/../{{v}}x"), both, HOME).url.path == "/..x"
    behind = {**both, "link": Carried("/pay", HOME)}
    with pytest.raises(ProbeError, match="makes no piece of a path"):
        fill_request(Step(name="s", url="{{link}}/{{v}}/admin"), behind, HOME)


@given(TEXTS)
def test_a_value_in_the_body_of_a_form_arrives_as_it_was(value: str) -> None:
    headers = {"Content-Type": "application/X-WWW-form-urlencoded"}
    body = fill_request(Step(name="s", headers=headers, body="a={{v}}&b=1"), carried(value), HOME).body
    assert parse_qs(body, keep_blank_values=True, strict_parsing=True) == {"a": [value], "b": ["1"]}


@pytest.mark.parametrize("kind", ["text/xml; charset=utf-8", "application/soap+XML"])
@given(value=TEXTS)
def test_a_value_in_xml_arrives_as_it_was_or_is_refused(kind: str, value: str) -> None:
    step = Step(name="s", headers={"content-type": kind}, body='<a b="{{v}}">{{v}}</a>')
    try:
        found = ElementTree.fromstring(fill_request(step, carried(value), HOME).body)
    except ProbeError:
        assert re.search(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", value)
    else:
        assert (found.get("b"), found.text, len(found)) == (value, value, 0)


def test_a_value_adds_no_part_to_a_body_of_several() -> None:
    step = Step(
        name="s", headers={"Content-Type": "multipart/form-data; boundary=x"}, body="--x\r\n\r\n{{v}}"
    )
    with pytest.raises(ProbeError, match="does not fit into one line"):
        fill_request(step, carried("1\r\n--x\r\nContent-Disposition: form-data; name=role"), HOME)
    assert fill_request(step, carried("1"), HOME).body.endswith("1")


def test_a_value_in_plain_text_is_put_there_as_it_is() -> None:
    assert fill_request(Step(name="s", body="a={{v}}"), carried("<&>"), HOME).body == "a=<&>"


@given(TEXTS)
def test_a_value_in_a_form_and_in_json_arrives_as_it_was(value: str) -> None:
    form = fill_request(Step(name="s", form={"a": "{{ v }}", "b": "x{{v}}"}), carried(value), HOME)
    assert parse_qs(form.body, keep_blank_values=True) == {"a": [value], "b": [f"x{value}"]}
    headers = {"content-type": "application/JSON; charset=utf-8"}
    body = fill_request(Step(name="s", headers=headers, body='{"a": "{{v}}"}'), carried(value), HOME).body
    assert json.loads(body) == {"a": value}


@given(TEXTS)
def test_a_value_in_a_header_is_one_line_or_refused(value: str) -> None:
    step = Step(name="s", headers={"X": "{{v}}"})
    if any((ord(letter) < 32 and letter != "\t") or ord(letter) == 127 for letter in value):
        with pytest.raises(ProbeError):
            fill_request(step, carried(value), HOME)
    else:
        assert fill_request(step, carried(value), HOME).headers["X"] == value


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("session?a=1&b=2", "https://portal.example/login/session?a=1&b=2"),
        ("/pay/HS%202021%2F07?t=1", "https://portal.example/pay/HS%202021%2F07?t=1"),
        ("https://sso.example/auth", "https://sso.example/auth"),
        ("//sso.example/auth", "https://sso.example/auth"),
    ],
)
def test_a_url_that_a_page_gave_is_taken_from_that_page_on(value: str, wanted: str) -> None:
    assert fill_request(Step(name="s", url="{{v}}"), carried(value), HOME).url == URL(wanted)


@pytest.mark.parametrize("value", ["javascript:alert(1)", "mailto:x@y", "http://", "http://[", "data:,x"])
def test_a_url_that_is_none_of_the_web_is_refused(value: str) -> None:
    with pytest.raises(ProbeError):
        fill_request(Step(name="s", url="{{v}}"), carried(value), HOME)


def test_passwords_go_home_and_to_the_page_that_asked_and_nowhere_else() -> None:
    step = Step(name="s", url="{{v}}", form={"password": "p"})
    sso = "https://sso.example/login"  # where a redirect had led to
    for value in ("/a", "https://portal.example/b", "https://sso.example/c"):
        fill_request(step, carried(value, sso), HOME)
    with pytest.raises(ProbeError, match=re.escape("not for https://evil.example")):
        fill_request(step, carried("https://evil.example/d", sso), HOME)


def answer(body: str, kind: str = "text/html", **headers: str) -> Answer:
    given = CIMultiDictProxy(CIMultiDict({"Content-Type": kind, **headers}))
    return Answer(HOME, 200, given, body.encode())


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('regex:value="([^"]*)"', "a&b"),
        ("regex:value=.a", 'value="a'),
        ("header:X-Token", "t-1"),
        ("cookie:sid", "s-1"),
    ],
)
def test_values_are_found_where_the_source_says(source: str, found: str) -> None:
    assert find_value(source, answer('<i value="a&amp;b">', **{"x-token": "t-1"}), {"sid": "s-1"}) == found


@pytest.mark.parametrize(("query", "found"), [("a.b", "x"), ("n", "7"), ("t", "true"), ("list[1]", "2")])
def test_json_values_become_text(query: str, found: str) -> None:
    body = '{"a": {"b": "x"}, "n": 7, "t": true, "list": [1, 2]}'
    assert find_value(f"json:{query}", answer(body, "application/json"), {}) == found


def test_what_html_cannot_mean_is_a_failure_of_the_page() -> None:
    with pytest.raises(ProbeError):
        find_value('regex:value="([^"]*)"', answer(f'<i value="&#{"9" * 5000};">'), {})


@pytest.mark.parametrize(
    ("source", "body"),
    [
        ("regex:nothing", ""),
        ("regex:(x?)", ""),
        ("header:X-None", ""),
        ("cookie:none", ""),
        ("json:a", '{"a": null}'),
        ("json:a", '{"a": ""}'),
        ("regex:x+", "x" * 20_000),
    ],
)
def test_nothing_and_too_much_are_failures(source: str, body: str) -> None:
    with pytest.raises(ProbeError):
        find_value(source, answer(body, "text/plain"), {})


@given(st.sampled_from(["json:a", "json:a[0].b", "regex:(.)", "header:X"]), st.binary(max_size=200))
def test_whatever_comes_gives_a_text_that_can_be_sent_or_a_reason(source: str, body: bytes) -> None:
    headers = CIMultiDictProxy(CIMultiDict({"X": body.decode("utf-8", "surrogateescape")}))
    try:
        find_value(source, Answer(HOME, 200, headers, body), {}).encode()
    except ProbeError as error:
        error.detail.encode()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "Đăng nhập"}, "name: must be of a-z 0-9 . _ -"),
        ({"name": "a", "url": "http://{{v}}/"}, "url: must be without {{…}} in its host"),
        ({"name": "a", "url": "https://u:{{v}}@h/"}, "url: must be without {{…}} in its host"),
        ({"name": "a", "url": "login"}, "url: must be a full URL, or a path"),
        ({"name": "a", "carry": {"v": "css:#x"}}, "carry.v: must be json:JMESPATH, regex:PATTERN"),
        ({"name": "a", "carry": {"v": "regex:("}}, "carry.v: not a regular expression"),
        ({"name": "a", "carry": {"v": "json:a["}}, "carry.v: 'a[': Invalid jmespath expression"),
        ({"name": "a", "carry": {"V": "json:a"}}, "carry: must be named by a-z 0-9 _, not 'V'"),
        ({"name": "a", "status": ("2x",)}, "status: must be 200, 2xx or 200-299"),
    ],
)
def test_a_wrong_step_says_what_is_allowed(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Step(**given)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((), "steps: must be 1 to 50 steps"),
        ((Step(name="a"), Step(name="a")), "steps: must be of different names, not two a"),
        (
            (Step(name="a", url="/{{v}}", carry={"v": "json:a"}),),
            "steps: must be such that {{v}} is carried before a",
        ),
    ],
)
def test_wrong_steps_say_what_is_allowed(steps: tuple[Step, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Settings(steps=steps)
