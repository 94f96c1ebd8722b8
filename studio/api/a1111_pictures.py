"""What A1111's clients have done with pictures beside making them: enlarged, read, and made maps of."""

import tempfile
from base64 import b64encode
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from studio.api.a1111_recipes import upscaler_named
from studio.api.a1111_schemas import Detect, Extras
from studio.api.a1111_units import READY, control_kind, options_of
from studio.api.coded import decoded
from studio.api.pictures import encoded
from studio.errors import InvalidRequest
from studio.events import Finished
from studio.gate.identity import Identity, check_creates
from studio.metadata.file_texts import texts_of
from studio.metadata.foreign_names import plain
from studio.metadata.settings_text import split
from studio.recipe import ControlUnit, Recipe
from studio.safe_fetch import WEB
from studio.studio import UPLOADS, Studio

LEAST, MOST = 1.0, 8.0
BY_SIZE = 1


def enlarged(studio: Studio, wanted: Extras, picture: str, who: Identity) -> Recipe:
    """The recipe that enlarges a picture; InvalidRequest for what is done to faces."""
    for name in ("gfpgan_visibility", "codeformer_visibility"):
        if getattr(wanted, name):
            raise InvalidRequest("Faces cannot be restored here.", "Leave it out.", field=name)
    if wanted.extras_upscaler_2_visibility and plain(wanted.upscaler_2) not in ("", "none"):
        raise InvalidRequest("One upscaler enlarges a picture here.", "Leave upscaler_2 out.", field="upscaler_2")
    studio.pace.check(who)
    stored = studio.inputs.add(decoded(picture, "image"), who=who)
    scale = wanted.upscaling_resize
    if wanted.resize_mode == BY_SIZE:
        across, along = wanted.upscaling_resize_w / stored.width, wanted.upscaling_resize_h / stored.height
        # One that only shrinks is read at its own size, and brought to the one that is wanted.
        scale = min(MOST, max(LEAST, across, along))
    name = upscaler_named(studio, wanted.upscaler_1, [])
    return Recipe.make(init_image=stored.id, upscaler=name, upscale=scale)


def result(studio: Studio, wanted: Extras, event: Finished) -> str:
    """An enlarged picture as base64, at the size that was asked for where one was."""
    if wanted.resize_mode != BY_SIZE:
        return b64encode(encoded(studio.settings, event.path, "png")).decode()
    size, buffer = (wanted.upscaling_resize_w, wanted.upscaling_resize_h), BytesIO()
    with Image.open(event.path) as image:
        image.load()
        bring = ImageOps.fit if wanted.upscaling_crop else ImageOps.contain
        bring(image, size, Image.Resampling.LANCZOS).save(buffer, "PNG")
    return b64encode(buffer.getvalue()).decode()


def facts(studio: Studio, picture: str, who: Identity) -> dict[str, Any]:
    """The texts of a picture, and its settings taken apart."""
    studio.pace.check(who)
    if WEB.match(picture):
        check_creates(who)
    folder = studio.settings.home / UPLOADS
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / "picture"
        path.write_bytes(decoded(picture, "image"))
        texts = dict(texts_of(path).texts)
    text = next((texts[name] for name in ("parameters", "UserComment", "exif:UserComment") if texts.get(name)), "")
    parts = split(text)
    named = {"Prompt": parts.prompt, "Negative prompt": parts.negative or "", **parts.settings} if text else {}
    return {"info": text, "items": texts, "parameters": named}


def maps(studio: Studio, wanted: Detect, who: Identity) -> dict[str, Any]:
    """The maps of pictures; of no preprocessor they are the pictures themselves."""
    given = wanted.controlnet_input_images or wanted.controlnet_images
    if not given:
        raise InvalidRequest("There is no picture.", "Give some as controlnet_input_images.", field="image")
    kind = control_kind(wanted.controlnet_module)
    options = options_of(kind, wanted.controlnet_threshold_a, wanted.controlnet_threshold_b)
    made = []
    for one in given:
        studio.pace.check(who)
        stored = studio.inputs.add(decoded(one, "image"), "controls", who).id
        if kind != READY:
            stored = studio.control_map(ControlUnit(kind=kind, image=stored, options=tuple(options.items())), who).id
        made.append(b64encode(studio.inputs.path(stored).read_bytes()).decode())
    return {"images": made, "info": "Success"}
