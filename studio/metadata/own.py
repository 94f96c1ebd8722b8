"""What the studio itself says in a picture: the whole recipe, exact, and how it was made with it.

In a PNG it is a text of its own, in WebP and JPEG a property of XMP.
"""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from studio import __version__
from studio.errors import InvalidRecipe, NotFound, Unreadable
from studio.metadata import foreign_json, png_chunks, xmp
from studio.recipe import Recipe

CHUNK, PROPERTY = "image-studio", "studio:made"
OTHERS = ("JPEG", "WEBP")
HINT = "Choose a picture as the studio wrote it; other programs often drop the recipe when they save."


@dataclass(frozen=True)
class Made:
    """How a picture was made: its recipe, what its file says beyond that, and the version of the studio.

    `facts` are texts (device, dtype, versions, seconds ...) and values of JSON: `weights`, `scheduler`.
    """

    recipe: Recipe
    facts: Mapping[str, Any]
    studio: str = ""

    def text(self, name: str) -> str:
        """A fact that is a text; empty where there is none."""
        value = self.facts.get(name, "")
        return value if isinstance(value, str) else ""


def as_text(recipe: Recipe, facts: Mapping[str, Any], *, ascii_only: bool = True) -> str:
    """What is written of a picture; in ASCII alone, no program that writes the file again mistakes its encoding."""
    own = {"recipe": json.loads(recipe.to_json()), "facts": dict(facts), "studio": __version__}
    return json.dumps(own, separators=(",", ":"), ensure_ascii=ascii_only)


def read(path: Path) -> Recipe:
    """The recipe that made the picture; NotFound, or Unreadable where the file is no picture or holds no recipe."""
    return recipe_of(_text(path), path.name)[0]


def read_made(path: Path) -> Made:
    """All that the studio says in the picture; errors as in `read`."""
    text = _text(path)
    recipe, version = recipe_of(text, path.name)
    facts = _own(text, path.name).get("facts")
    return Made(recipe, facts if isinstance(facts, dict) else {}, version)


def read_facts(path: Path) -> Mapping[str, str]:
    """The texts among what is said beyond the recipe: device, versions, seconds; errors as in `read`."""
    facts = _own(_text(path), path.name).get("facts")
    if not isinstance(facts, dict):
        raise _no_recipe(path.name, "does not say how it was made")
    return {name: value for name, value in facts.items() if isinstance(value, str)}


def read_again(path: Path) -> Recipe:
    """The recipe that makes the image again to the byte on the same machine; errors as in `read`.

    It is made in the buckets that its facts name, so that it comes out the same although it was made in company.
    InvalidRecipe where they cannot be.
    """
    return again(read_made(path))


def again(made: Made) -> Recipe:
    """The same of what a picture says."""
    if not made.recipe.denoises:
        return made.recipe
    kept = {name: made.facts[name] for name in ("numerics", "buckets") if name in made.facts}
    return made.recipe.replace(**({"numerics": "solo"} | kept))


def recipe_of(text: str, name: str) -> tuple[Recipe, str]:
    """The recipe in what was written, and the version of the studio that wrote it; errors as in `read`."""
    own = _own(text, name)
    try:
        return Recipe.from_json(json.dumps(own["recipe"])), str(own.get("studio", ""))
    except InvalidRecipe as error:
        raise _no_recipe(name, f"holds a recipe that this studio cannot read ({error})") from error
    except KeyError as error:
        raise _no_recipe(name, "holds no recipe that this studio can read") from error


def _text(path: Path) -> str:
    """What the studio wrote into the file, wherever it stands there."""
    try:
        with path.open("rb") as file:
            if file.read(len(png_chunks.SIGNATURE)) == png_chunks.SIGNATURE:
                text = next((chunk.text for chunk in png_chunks.texts_of(file) if chunk.name == CHUNK), None)
            else:
                text = _of_other(path)
    except FileNotFoundError as error:
        raise NotFound(f"{path.name} is not there.", "It may have been moved or deleted.") from error
    except OSError as error:
        raise _no_recipe(path.name, f"cannot be read ({error.strerror or 'it is damaged'})") from error
    if not text:
        raise _no_recipe(path.name, "holds no recipe")
    return text


def _of_other(path: Path) -> str:
    try:
        with warnings.catch_warnings():
            # Pillow warns of damaged EXIF, and of pictures that would be large to decode; nothing is decoded.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=OTHERS) as image:
                packet = image.info.get("xmp", b"")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Unreadable(f"{path.name} is not an image.", "Choose a picture that the studio made.") from error
    text = packet.decode("utf-8", "replace") if isinstance(packet, bytes) else str(packet)
    return xmp.property_of(text, PROPERTY)


def _own(text: str, name: str) -> dict[str, Any]:
    own = foreign_json.mapping(text)
    if own is None:
        raise _no_recipe(name, "holds a damaged recipe")
    return own


def _no_recipe(name: str, fault: str) -> Unreadable:
    return Unreadable(f"{name} {fault}.", HINT)
