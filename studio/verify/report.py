"""What was found, as a page and as JSON that can be shown to others: no path of the machine is in it."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from studio.verify.comparing import Outcome

STYLE = """
:root { color-scheme: light dark }
body { margin: 24px; font: 14px/1.45 system-ui, sans-serif }
table { border-collapse: collapse }
th, td { padding: 6px 10px; text-align: left; vertical-align: top; border-bottom: 1px solid #8886 }
img { display: block; width: 192px; border-radius: 3px }
.different { color: #c0392b; font-weight: 600 }
"""
SHOWN = ("ours", "bare", "apart")


def as_dict(about: Mapping[str, Any], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """All facts; pictures by their file's name beside the report."""
    return {**about, "cases": [_facts(one) for one in outcomes]}


def write(folder: Path, about: Mapping[str, Any], outcomes: Sequence[Outcome]) -> Path:
    """Write report.json and report.html into `folder`; the page's path."""
    facts = as_dict(about, outcomes)
    (folder / "report.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False), "utf-8")
    page = folder / "report.html"
    page.write_text(_page(about, outcomes), "utf-8")
    return page


def line(one: Outcome) -> str:
    """A case in one line of a terminal."""
    if one.mean is None:
        return f"{one.task:9} {one.offload:10} {one.verdict}: {one.reason}"
    apart = "" if one.verdict == "identical" else f" (mean {one.mean:.3f}, most {one.most} of 255 levels)"
    return f"{one.task:9} {one.offload:10} {one.verdict}{apart}; time {_times(one.time_ratio)}, memory " + _times(
        one.memory_ratio
    )


def _facts(one: Outcome) -> dict[str, Any]:
    return {
        "task": one.task,
        "offload": one.offload,
        "verdict": one.verdict,
        "reason": one.reason,
        "mean_levels": one.mean,
        "most_levels": one.most,
        "time_ratio": one.time_ratio,
        "memory_ratio": one.memory_ratio,
        "studio": one.ours,
        "diffusers": one.bare,
        "pictures": {name: Path(place).name for name, place in one.pictures.items()},
    }


def _page(about: Mapping[str, Any], outcomes: Sequence[Outcome]) -> str:
    facts = "".join(f"<tr><th>{escape(str(name))}<td>{escape(_words(value))}" for name, value in about.items())
    rows = "".join(_row(one) for one in outcomes)
    heads = "<tr><th>task<th>offload<th>verdict<th>time<th>memory<th>studio<th>diffusers<th>difference x 8"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>studio verify</title><style>{STYLE}</style><h1>{escape(str(about['model']))}, by the studio and by "
        f"bare diffusers</h1><table>{facts}</table><h2>Cases</h2><table>{heads}{rows}</table></html>"
    )


def _row(one: Outcome) -> str:
    apart = "" if one.mean is None else f"<br>mean {one.mean:.3f}, most {one.most} of 255 levels"
    cells = (
        escape(one.task),
        escape(one.offload),
        f'<span class="{one.verdict.split()[0]}">{one.verdict}</span>{apart}<br>{escape(one.reason)}',
        f"{_times(one.time_ratio)}<br>{_seconds(one.ours)} against {_seconds(one.bare)}",
        f"{_times(one.memory_ratio)}<br>{_gigabytes(one.ours)} against {_gigabytes(one.bare)}",
        *(_image(one.pictures.get(name)) for name in SHOWN),
    )
    return "<tr>" + "".join(f"<td>{cell}" for cell in cells)


def _image(place: str | None) -> str:
    if place is None:
        return ""
    return f'<img alt="" src="data:image/png;base64,{b64encode(Path(place).read_bytes()).decode()}">'


def _times(ratio: float | None) -> str:
    return "unknown" if ratio is None else f"{ratio:.2f} times"


def _seconds(measured: Mapping[str, Any]) -> str:
    return f"{measured['seconds']:.2f} s" if "seconds" in measured else "nothing"


def _gigabytes(measured: Mapping[str, Any]) -> str:
    return f"{measured['bytes'] / 1e9:.2f} GB" if "bytes" in measured else "nothing"


def _words(value: Any) -> str:
    return ", ".join(f"{name} {one}" for name, one in value.items()) if isinstance(value, Mapping) else str(value)
