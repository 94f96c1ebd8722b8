"""Why a picture that was made again may be another: what the two files say of how each was made."""

from collections.abc import Iterator
from typing import Any

from studio.downloads.hashes import Weights
from studio.metadata.own import Made
from studio.safety.layer import NOTE, SAFETY

# What decides the last bits, by the name in a picture's facts, in words.
CIRCUMSTANCES = {
    "device": "device",
    "dtype": "number format (dtype)",
    "threads": "number of threads",
    "torch": "version of torch",
    "diffusers": "version of diffusers",
    "transformers": "version of transformers",
}
DIGITS = 12


def reasons(before: Made, after: Made) -> list[str]:
    """A sentence for each thing that was otherwise; what a file does not say is taken to be alike."""
    return [*_weights(before, after), *_scheduler(before, after), *_circumstances(before, after)]


def lost(before: Made, present: tuple[Weights, ...]) -> list[str]:
    """A sentence for each of the weights that a file names and that are not among those that are here."""
    here = {(one.kind, one.name) for one in present}
    missing = (one for one in Weights.of(before.facts.get("weights")) if (one.kind, one.name) not in here)
    return [f"The {one.label} is not here (SHA-256 {one.sha256[:DIGITS]})." for one in missing]


def _weights(before: Made, after: Made) -> Iterator[str]:
    now = Weights.of(after.facts.get("weights"))
    yield from lost(before, now)
    hashes = {(one.kind, one.name): one.sha256 for one in now}
    for one in Weights.of(before.facts.get("weights")):
        here = hashes.get((one.kind, one.name), one.sha256)
        if here != one.sha256:
            then = f"SHA-256 {one.sha256[:DIGITS]} then, {here[:DIGITS]} here"
            yield f"The {one.label} has other weights: {then}."


def _scheduler(before: Made, after: Made) -> Iterator[str]:
    then, now = _config(before), _config(after)
    for name in then:
        if now and then[name] != now.get(name):
            yield f"The scheduler's {name} was {then[name]}, here {now.get(name)}."


def _config(made: Made) -> dict[str, Any]:
    config = made.facts.get("scheduler")
    return config if isinstance(config, dict) else {}


def _circumstances(before: Made, after: Made) -> Iterator[str]:
    for name, words in CIRCUMSTANCES.items():
        then, now = before.text(name), after.text(name)
        if then and now and then != now:
            yield f"The {words} was {then}, here {now}."
    if before.studio and before.studio != after.studio:
        yield f"The version of Image Studio was {before.studio}, here {after.studio}."
    for made, when in ((before, "then"), (after, "here")):
        if made.text(SAFETY) == "withheld":
            yield f"It was withheld {when}: {made.text(NOTE)}"
    if before.text("changed") != after.text("changed"):
        yield f"On the way then: {before.text('changed') or 'nothing'} Here: {after.text('changed') or 'nothing'}"
