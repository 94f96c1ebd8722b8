"""How far two pictures of one case are from each other, and what that says."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from studio.replay.likeness import Likeness, difference

Verdict = Literal["identical", "close", "different", "not compared"]


@dataclass(frozen=True)
class Outcome:
    """What came of one case: `mean` and `most` are differences in levels of 255, `ours` and `bare` what each took."""

    task: str
    offload: str
    verdict: Verdict
    reason: str = ""
    mean: float | None = None
    most: int | None = None
    ours: dict[str, Any] = field(default_factory=dict)
    bare: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, str] = field(default_factory=dict)

    @property
    def time_ratio(self) -> float | None:
        """The studio's seconds over those of bare diffusers."""
        return _ratio(self.ours.get("seconds"), self.bare.get("seconds"))

    @property
    def memory_ratio(self) -> float | None:
        """The studio's most memory over that of bare diffusers."""
        return _ratio(self.ours.get("bytes"), self.bare.get("bytes"))


def outcome(task: str, offload: str, ours: dict[str, Any], bare: dict[str, Any], places: dict[str, str]) -> Outcome:
    """What the two sides tell of a case; a picture that only bare diffusers made is a difference."""
    result = Outcome(task, offload, "different", ours=ours, bare=bare)
    if "error" in ours:
        verdict: Verdict = "not compared" if "error" in bare else "different"
        return replace(result, verdict=verdict, reason=f"The studio made no picture: {ours['error']}")
    if "error" in bare:
        return replace(result, verdict="not compared", reason=f"Bare diffusers made no picture: {bare['error']}")
    return _compared(result, places)


def _compared(result: Outcome, places: dict[str, str]) -> Outcome:
    with Image.open(places["ours"]) as ours, Image.open(places["bare"]) as bare:
        one, other = ours.convert("RGB"), bare.convert("RGB")
    dtype = str(result.ours.get("facts", {}).get("dtype"))
    found = Likeness.of(one, other, dtype)
    if found.mean is None:
        reason = f"The studio's has {one.width} x {one.height} pixels, the other {other.width} x {other.height}."
        return replace(result, reason=reason, pictures=places)
    if found.most:
        places = places | {"apart": _enhanced(one, other, places["ours"])}
    return replace(result, verdict=found.verdict, mean=found.mean, most=found.most, pictures=places)


def _enhanced(one: Image.Image, other: Image.Image, beside: str) -> str:
    """A picture of the difference, eight times as strong, beside the studio's."""
    place = Path(beside).with_name(Path(beside).name.replace("-studio", "-difference"))
    difference(one, other).save(place)
    return str(place)


def _ratio(ours: float | None, bare: float | None) -> float | None:
    return round(ours / bare, 3) if ours and bare else None
