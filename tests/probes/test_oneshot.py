"""One sample on the command line: options, JSON, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from probes import http, journey, oneshot, rtsp, snmp
from probes.__main__ import main
from probes.sample import Reason, Sample
from probes.testing import hang, serve_tcp


def test_settings_are_read_from_options() -> None:
    given = {
        "community": "c",
        "request_timeout_s": "500ms",
        "retries": "3",
        "admin_down": "yes",
        "types": "6, 131",
    }
    wanted = snmp.Settings(
        community="c", request_timeout_s=0.5, retries=3, admin_down=True, types=("6", "131")
    )
    assert oneshot.settings_from_options("snmp", given) == wanted


def test_mappings_are_pairs_and_lists_may_be_repeated() -> None:
    given = {"headers": ["X-Key=a=b", "Accept=*/*"], "status": ["2xx", "404"]}
    wanted = http.Settings(headers={"X-Key": "a=b", "Accept": "*/*"}, status=("2xx", "404"))
    assert oneshot.settings_from_options("http", given) == wanted


def test_entries_are_json_objects_one_an_option() -> None:
    steps = [
        '{"name": "a", "carry": {"v": "json:n"}, "status": [200, "3xx"]}',
        '{"name": "b", "url": "/{{v}}"}',
    ]
    read = oneshot.settings_from_options("journey", {"steps": steps, "verify": "no"})
    first = journey.Step(name="a", carry={"v": "json:n"}, status=("200", "3xx"))
    assert read == journey.Settings(verify=False, steps=(first, journey.Step(name="b", url="/{{v}}")))


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("gopher", {}, "unknown probe 'gopher'"),
        ("snmp", {"comunity": "x"}, "unknown option 'comunity'; there are version, community"),
        ("snmp", {"port": "abc"}, "port: not a whole number: 'abc'"),
        ("snmp", {"request_timeout_s": "fast"}, "request_timeout_s: not a number, or a duration"),
        ("snmp", {"admin_down": "maybe"}, "admin_down: not yes or no: 'maybe'"),
        ("snmp", {"port": "0"}, "port: must be 1 to 65535"),
        ("http", {"headers": "s3cret"}, "headers: not NAME=VALUE$"),
        ("journey", {"steps": '{"name": s3cret'}, "steps: not a JSON object$"),
        ("journey", {"steps": '["s3cret"]'}, "steps: not a JSON object$"),
        ("journey", {"steps": '{"url": "/"}'}, "steps: name is missing$"),
        (
            "journey",
            {"steps": '{"name": "a", "ulr": "/"}'},
            "steps: unknown key 'ulr'; there are url, method",
        ),
        ("journey", {"steps": '{"name": "a", "form": "s3cret"}'}, "form: not an object$"),
    ],
)
def test_wrong_options_say_what_is_allowed(kind: str, given: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        oneshot.settings_from_options(kind, given)


@pytest.mark.parametrize(
    ("text", "seconds"), [("3s", 3.0), ("500ms", 0.5), ("1.5", 1.5), ("2m", 120), ("1h", 3600)]
)
def test_durations(text: str, seconds: float) -> None:
    assert oneshot.parse_duration(text) == pytest.approx(seconds)


def test_a_secret_has_no_default_in_the_help() -> None:
    options = {option.field: option for option in oneshot.options_of("snmp")}
    assert options["community"].default == ""
    assert (options["rewalk_s"].flag, options["rewalk_s"].default) == ("--rewalk", "3600s")


def test_a_sample_as_json() -> None:
    values = {("linkwatch_http_phase_seconds", (("phase", "tls"),)): 0.25}
    sample = Sample(0.0, 1.5, False, Reason.TLS, "hết hạn", values, {"url": "https://h/"})
    shown = oneshot.sample_to_json(sample)
    assert "hết hạn" in shown
    assert json.loads(shown) == {
        "ok": False,
        "reason": "tls",
        "detail": "hết hạn",
        "at": "1970-01-01T00:00:00.000+00:00",
        "duration_s": 1.5,
        "facts": {"url": "https://h/"},
        "values": [{"metric": "linkwatch_http_phase_seconds", "labels": {"phase": "tls"}, "value": 0.25}],
    }


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "probes", *arguments], capture_output=True, text=True)


async def test_a_failed_probe_ends_with_1_and_prints_its_sample() -> None:
    async with serve_tcp(hang) as port:
        pass
    done = run("http", f"http://127.0.0.1:{port}/")
    assert (done.returncode, json.loads(done.stdout)["reason"], done.stderr) == (1, "refused", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "required: KIND"),
        (("gopher", "h"), "choose from 'icmp', 'snmp', 'http'"),
        (("http",), "required: TARGET"),
        (("http", "h", "--status", "2x"), "status: must be 200, 2xx or 200-299, not '2x'"),
        (("http", "h", "--deadline", "soon"), "not a duration such as 3s or 500ms: 'soon'"),
    ],
)
def test_bad_usage_ends_with_2_and_says_what_is_allowed(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_help_names_options_defaults_and_exit_codes() -> None:
    done = run("http", "--help")
    assert done.returncode == 0
    assert "--max-redirects" in done.stdout
    assert "(default: 2xx)" in done.stdout
    assert "exit codes" in done.stdout


@pytest.mark.parametrize(
    ("watch_s", "deadline", "deadline_s"), [(4, None, 10), (20, None, 21), (20, "25s", 25)]
)
def test_a_long_look_has_the_time_that_it_takes(
    watch_s: float, deadline: str | None, deadline_s: float
) -> None:
    assert oneshot.deadline_for(rtsp.Settings(watch_s=watch_s), deadline) == deadline_s


def test_a_deadline_that_cannot_hold_a_look_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["rtsp", "127.0.0.1:1", "--watch", "20s", "--deadline", "5s"])
    assert ended.value.code == 2
    assert "deadline: 5s is too short for these settings (at least 21s)" in capsys.readouterr().err
