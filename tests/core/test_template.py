import json
from pathlib import Path

import pytest

from linkwatch.core.template import TemplateError, parse_template
from tests.core.promtool import run_promtool

LABELS = {"target": "link-ham-rong", "owner": "vnpt thanh hoá", "count": "12"}

TEMPLATES = [
    "chữ thường",
    "{{ $labels.target }} mất {{ $value | humanizePercentage }}",
    "{{ $value }}",
    "{{ $labels.missing }}|{{ .Labels.target }}|{{ .Value }}",
    '{{ printf "%.1f" $value }} {{ printf "%5.2f|%-8s|%08.3f|%+.2e" $value $labels.target $value $value }}',
    '{{ printf "%d" $value }} {{ printf "%s" $value }} {{ printf "%d %x" 42 255 }} {{ printf "%q" "a\\"b" }}',
    '{{ printf "%v %g %%" $value $value }} {{ printf "%f" }} {{ printf "a" 1.5 "b" }}',
    '{{ printf "%5v|" $value }}',
    '{{ $value | printf "%.2f" }} {{ $labels.target | printf "%s-%s" "x" }}',
    "{{ humanize $value }} {{ humanize1024 $value }} {{ humanizeDuration $value }}",
    "{{ humanizeTimestamp $value }}",
    "{{ $labels.owner | title }} {{ $labels.target | toUpper }} {{ toLower `ABC` }}",
    "{{ if $labels.owner }}có{{ else }}không{{ end }} {{ if $labels.none }}a{{ end }}",
    "{{ if gt $value 5.0 }}nhiều{{ else if lt $value 0.0 }}âm{{ else }}ít{{ end }}",
    '{{ if eq $labels.target "x" "link-ham-rong" }}đúng{{ end }} {{ if ne $value 1.0 }}khác{{ end }}',
    '{{ if and (eq $labels.target "x") (ge $value 1.0) }}a{{ else if or false $labels.owner }}b{{ end }}',
    "{{ if not $labels.none }}trống{{ end }} {{ le $value 1.0 }} {{ len $labels.target }}",
    "a {{- $labels.target -}} b {{/* ghi chú */}}c",
    '{{ index $labels "target" }} {{ print $value " " $labels.count 1 2 }}',
    "{{ humanize $labels.count }} {{ humanizeDuration $labels.count }}",
    "{{ $labels.count | humanizePercentage }}",
    "{{ $labels }}",
]
VALUES = [
    *("0", "1", "-1.5", "0.1234567", "1e6", "123456789", "9e9", "3661", "0.00012", "86400.25", "1.6e9"),
    *("NaN", "Inf", "-Inf", "-0", "8.199999999999999", "-8.1999", "-9e9"),
]


def write_case(folder: Path, value: str) -> Path:
    """A test that expects of Prometheus the texts which LinkWatch renders."""
    names = [f"a{i}" for i in range(len(TEMPLATES))]
    rule = {"alert": "A", "expr": "m", "annotations": dict(zip(names, TEMPLATES, strict=True))}
    (folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "rules": [rule]}]}))
    scope = {"__name__": "m", **LABELS}
    rendered = {
        name: parse_template(t).render(scope, float(value)) for name, t in zip(names, TEMPLATES, strict=True)
    }
    expected = {"exp_labels": LABELS, "exp_annotations": rendered}
    metric = "m{" + ",".join(f'{name}="{text}"' for name, text in LABELS.items()) + "}"
    case = {
        "input_series": [{"series": metric, "values": value}],
        "alert_rule_test": [{"eval_time": "0s", "alertname": "A", "exp_alerts": [expected]}],
    }
    path = folder / "test.yml"
    path.write_text(json.dumps({"rule_files": ["rules.yml"], "tests": [case]}))
    return path


@pytest.mark.parametrize("value", VALUES)
def test_templates_render_as_in_prometheus(value: str, tmp_path: Path) -> None:
    done = run_promtool(write_case(tmp_path, value))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ $labels.target", "does not end with"),
        ("{{ }}", "missing value"),
        ("{{ query `up` }}", "query }} is not supported"),
        ("{{ range $labels }}{{ end }}", "range }} is not supported"),
        ("{{ foo $value }}", "the function foo is not supported; allowed are and, eq"),
        ("{{ $value | }}", "only a function can stand after |"),
        ("{{ $value | 5 }}", "only a function can stand after |"),
        ("{{ $lables.target }}", "undefined variable $lables.target; allowed are $labels.name"),
        ("{{ if $value }}a", "without {{ end }}"),
        ("a{{ end }}", "without {{ if }}"),
        ("{{ humanize }}", "wrong number of arguments for humanize: want 1, got 0"),
        ("{{ $value $value }}", "unexpected"),
        ("{{ ($value }}", "a ( without )"),
        ('{{ "\\z" }}', "unknown escape"),
        ("{{ $x := 1 }}", "undefined variable $x"),
    ],
)
def test_a_template_that_cannot_be_parsed_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse_template(text)
    assert message in str(caught.value)


def test_a_failing_render_is_marked_and_never_raises() -> None:
    assert parse_template("{{ humanize $labels.target }}").render(LABELS, 1.0).startswith("<error expanding")
    assert "write 5.0" in parse_template("{{ if gt $value 5 }}a{{ end }}").render({}, 1.0)


def test_a_time_that_prometheus_cannot_write_is_marked() -> None:
    text = parse_template("{{ humanizeTimestamp $value }}").render(LABELS, 1.2e10)
    assert text == "<error expanding template: 1.2e+10 cannot be represented as a nanoseconds timestamp>"


def test_what_a_template_depends_on_is_known() -> None:
    assert parse_template("plain").is_constant
    assert not parse_template("{{ $labels.a }}").uses_value
    assert parse_template("{{ printf `%f` $value }}").uses_value
