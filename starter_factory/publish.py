"""Writes what stands beside the stored weights: the words they know, what training took, and painted pictures."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from starter_factory.canvas import Image
from starter_factory.captions import known_words, word_groups
from starter_factory.draw import draw
from starter_factory.family import MEMBERS
from starter_factory.family.loras import MASCOT, TRIGGERS, TWINS
from starter_factory.places import PLACES
from starter_factory.sampling import FIXED_PROMPTS, paint, pipeline_of, write_sheet
from starter_factory.scene import PLAIN, Scene, Spot, Subject
from starter_factory.sprites import DRAWN_BY_US, aspect
from starter_factory.stages import MissingError
from starter_factory.store import TRAINING, Stored, write_json
from starter_factory.things import THINGS

UPSCALERS = "upscalers"
# Where a card says what training took: of one stage, or of all.
TOLD = re.compile(r"<!-- training (\w+) -->\n.*?<!-- end -->", re.DOTALL)
WORD_SIDE, WORD_COLUMNS = 64, 13
LOOKED_AT = (
    "a red house in a meadow by day",
    "a blue boat at a lake at sunset",
    "a white castle in the mountains",
    "a yellow car in the city at night",
    "a pink flower in a forest",
    "an orange cat in the snow",
)


def publish(stored: Stored, *, pictures: bool = True) -> None:
    """Write beside the weights what tells of them: the words that they know, what training took, and painted sheets.

    Without `pictures` the sheets are left as they are. Raises MissingError where something is not stored.
    """
    if lacking := [path for member in MEMBERS.values() for path in member.missing(stored.folder)]:
        raise MissingError(f"{lacking[0]} is not stored yet.")
    _write_words(stored.folder)
    _tell_training(stored)
    if pictures:
        _paint_sheets(stored)


def _write_words(folder: Path) -> None:
    """The words that the model knows, and a picture of each thing and place on one sheet."""
    shown = {**{place: _of_place(place) for place in PLACES}, **{thing: _of_thing(thing) for thing in THINGS}}
    write_sheet(list(shown.values()), folder / "words.webp", WORD_COLUMNS)
    pictures = {"file": "words.webp", "columns": WORD_COLUMNS, "words": list(shown)}
    words = {"words": list(known_words()), "groups": word_groups(), "pictures": pictures}
    write_json(folder / "vocabulary.json", words)


def _of_place(place: str) -> Image:
    return _small(draw(Scene(place, "day", "illustration", seed=1)).image)


def _of_thing(name: str) -> Image:
    thing = THINGS[name]
    art = "detailed" if thing.art else DRAWN_BY_US
    tall = 0.8 / max(1.0, aspect(thing, art))
    pose = "standing" if thing.group == "people" else None
    subject = Subject(name, (Spot(0.5, 0.5 + tall / 2, tall),), "large", art, None, pose)
    return _small(draw(Scene(PLAIN, "day", "flat", (subject,), ground="white")).image)


def _small(picture: Image) -> Image:
    return np.asarray(cv2.resize(picture, (WORD_SIDE, WORD_SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _tell_training(stored: Stored) -> None:
    """Put what training took where the cards keep it, those of the upscalers too."""
    files = sorted((stored.folder / TRAINING).glob("*.json"))
    told: Mapping[str, Mapping[str, float]] = {path.stem: json.loads(path.read_text("utf-8")) for path in files}

    def filled(found: re.Match[str]) -> str:
        said = _table(told) if found[1] == "all" else _sentence(told.get(found[1]))
        return f"<!-- training {found[1]} -->\n\n{said}\n\n<!-- end -->"

    for page in (*stored.folder.rglob("*.md"), *(stored.folder.parent / UPSCALERS).glob("*.md")):
        page.write_text(TOLD.sub(filled, page.read_text("utf-8")), "utf-8")


def _sentence(one: Mapping[str, float] | None) -> str:
    if not one:
        return "It is not noted how long its training took."
    return f"{one['minutes']:.0f} minutes of one processor core: {one['steps']:,} steps, {one['samples']:,} samples."


def _table(told: Mapping[str, Mapping[str, float]]) -> str:
    rows = [f"| {name} | {one['minutes']:.0f} | {one['steps']:,} | {one['samples']:,} |" for name, one in told.items()]
    return "\n".join(["| stage | minutes | steps | samples |", "|---|---|---|---|", *rows])


def _paint_sheets(stored: Stored) -> None:
    """The unseen prompts; and some captions by the base and by each LoRA, of which one is its preview."""
    folder, pipeline = stored.folder, pipeline_of(stored)
    write_sheet(paint(pipeline, FIXED_PROMPTS), folder / "sheet.webp")
    rows = paint(pipeline, LOOKED_AT)
    for look, trigger in TRIGGERS.items():
        pipeline.load_lora_weights(folder, weight_name=f"loras/{look}.safetensors")
        made = paint(pipeline, [prompt if look == MASCOT else f"{prompt}, {trigger}" for prompt in LOOKED_AT])
        pipeline.unload_lora_weights()
        for name in (look, f"{look}.kohya") if look in TWINS else (look,):
            write_sheet(made[-1:] if look == MASCOT else made[:1], folder / "loras" / f"{name}.webp", columns=1)
        rows += made
    write_sheet(rows, folder / "loras" / "sheet.webp", columns=len(LOOKED_AT))
