"""PNG files with the recipe inside: our own chunk, exact, and A1111's `parameters` text for other tools."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio import __version__
from studio.errors import InvalidRecipe, NotFound, Unreadable
from studio.metadata import foreign_json, png_chunks
from studio.metadata.infotext import to_infotext
from studio.recipe import Recipe

CHUNK = "image-studio"
# Level 6 saves a tenth of the bytes of a generated picture and costs five times the time.
LEVEL = 1


def write(image: Image.Image, recipe: Recipe, facts: Mapping[str, str], target: Path | BinaryIO) -> None:
    """Write `image` as PNG with its recipe and facts; OSError where `target` cannot be written."""
    own = {"recipe": json.loads(recipe.to_json()), "facts": dict(facts), "studio": __version__}
    texts = PngInfo()
    # Never compressed: readers refuse a compressed text that unpacks to more than a megabyte. In ASCII alone, so that
    # no program that writes the file again can mistake its encoding.
    texts.add_text(CHUNK, json.dumps(own, separators=(",", ":")))
    texts.add_text("parameters", to_infotext(recipe, image.size))
    image.save(target, format="PNG", compress_level=LEVEL, pnginfo=texts)


def read(path: Path) -> Recipe:
    """The recipe that made the image; NotFound, or Unreadable where the file is no image or holds no recipe."""
    return recipe_of(_text(path), path.name)[0]


def read_facts(path: Path) -> Mapping[str, str]:
    """How the image was made, beyond its recipe: device, versions, seconds; errors as in `read`."""
    facts = _own(_text(path), path.name).get("facts")
    if not isinstance(facts, dict):
        raise _no_recipe(path.name, "does not say how it was made")
    return {str(name): str(value) for name, value in facts.items()}


def read_again(path: Path) -> Recipe:
    """The recipe that makes the image again to the byte on the same machine; errors as in `read`.

    It is made in the buckets that its facts name, so that it comes out the same although it was made in company.
    InvalidRecipe where they cannot be.
    """
    facts = read_facts(path)
    kept = {name: facts[name] for name in ("numerics", "buckets") if name in facts}
    return read(path).replace(**({"numerics": "solo"} | kept))


def recipe_of(text: str, name: str) -> tuple[Recipe, str]:
    """The recipe in the text of our chunk, and the version of the studio that wrote it; errors as in `read`."""
    own = _own(text, name)
    try:
        return Recipe.from_json(json.dumps(own["recipe"])), str(own.get("studio", ""))
    except InvalidRecipe as error:
        raise _no_recipe(name, f"holds a recipe that this studio cannot read ({error})") from error
    except KeyError as error:
        raise _no_recipe(name, "holds no recipe that this studio can read") from error


def _text(path: Path) -> str:
    """What our chunk says, wherever in the file it stands."""
    try:
        with path.open("rb") as file:
            if file.read(len(png_chunks.SIGNATURE)) != png_chunks.SIGNATURE:
                raise Unreadable(f"{path.name} is not an image.", "Choose a PNG that the studio made.")
            text = next((chunk.text for chunk in png_chunks.texts_of(file) if chunk.name == CHUNK), None)
    except FileNotFoundError as error:
        raise NotFound(f"{path.name} is not there.", "It may have been moved or deleted.") from error
    except OSError as error:
        raise _no_recipe(path.name, f"cannot be read ({error.strerror or 'it is damaged'})") from error
    if text is None:
        raise _no_recipe(path.name, "holds no recipe")
    return text


def _own(text: str, name: str) -> dict[str, Any]:
    own = foreign_json.mapping(text)
    if own is None:
        raise _no_recipe(name, "holds a damaged recipe")
    return own


def _no_recipe(name: str, fault: str) -> Unreadable:
    hint = "Choose a PNG as the studio wrote it; other programs often drop the recipe when they save."
    return Unreadable(f"{name} {fault}.", hint)
