"""How pictures are written: as PNG, lossless WebP or JPEG, with all that makes them again, or without it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Literal

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from studio import __version__
from studio.downloads.hashes import Weights
from studio.errors import InvalidRequest, InvalidSetting
from studio.metadata import own, xmp
from studio.metadata.infotext import to_infotext
from studio.metadata.provenance import PROPERTY, Certificate, source_type
from studio.recipe import Recipe
from studio.settings import Settings

Format = Literal["png", "webp", "jpeg"]
ENDINGS: Mapping[Format, str] = {"png": ".png", "webp": ".webp", "jpeg": ".jpg"}
# Level 6 saves a tenth of the bytes of a generated picture as PNG and costs five times the time. Lossless WebP of the
# least effort is smaller and quicker than that; its default takes several times as long.
OPTIONS: Mapping[Format, Mapping[str, Any]] = {
    "png": {"compress_level": 1},
    "webp": {"lossless": True, "method": 0, "quality": 0},
    "jpeg": {"quality": 95, "subsampling": 0},
}


@dataclass(frozen=True)
class Writing:
    """How a picture is written.

    `recipe`: with all that makes it again. `marked`: the file says that an algorithm made it, and with a `certificate`
    that is signed. `quality` of JPEG and WebP is from 0 to 100, with some loss; None is the least loss there is.
    """

    format: Format = "png"
    recipe: bool = True
    marked: bool = False
    certificate: Certificate | None = None
    quality: int | None = None

    @property
    def options(self) -> Mapping[str, Any]:
        """What Pillow is told of the format."""
        if self.quality is None or self.format == "png":
            return OPTIONS[self.format]
        return {"quality": self.quality}

    @property
    def ending(self) -> str:
        """What the file's name ends in."""
        return ENDINGS[self.format]

    @property
    def mime(self) -> str:
        """What it is called on the web."""
        return f"image/{self.format}"


PLAIN = Writing()


def writing_of(settings: Settings, **changes: Any) -> Writing:
    """How this studio writes its pictures, but for some `changes`; InvalidSetting where they cannot be signed."""
    marked = settings.provenance != "off"
    how = replace(Writing(settings.image_format, marked=marked), **changes)
    if settings.provenance != "strict" or not how.marked:
        return how
    if settings.certificate is None or settings.certificate_key is None:
        raise InvalidSetting(
            "provenance is “strict”, and nothing says what with.",
            "Name your PEM files in certificate and certificate_key (STUDIO_CERTIFICATE, STUDIO_CERTIFICATE_KEY).",
            field="provenance",
        )
    certificate = Certificate(settings.certificate, settings.certificate_key)
    certificate.check()
    return replace(how, certificate=certificate)


def write(
    image: Image.Image, recipe: Recipe, facts: Mapping[str, Any], target: Path | BinaryIO, how: Writing = PLAIN
) -> None:
    """Write the picture of a recipe; OSError where `target` cannot be written, InvalidRequest, InvalidSetting."""
    if how.certificate is None:
        _encode(image, recipe, facts, target, how)
        return
    file = BytesIO()
    _encode(image, recipe, facts, file, how)
    signed = how.certificate.sign(file.getvalue(), how.mime, recipe)
    if isinstance(target, Path):
        target.write_bytes(signed)
    else:
        target.write(signed)


def _encode(
    image: Image.Image, recipe: Recipe, facts: Mapping[str, Any], target: Path | BinaryIO, how: Writing
) -> None:
    options = _png(image, recipe, facts, how) if how.format == "png" else _other(image, recipe, facts, how)
    # Of what a picture had about it when it came, only how its colours are meant is handed on.
    bare = image.copy()
    bare.info = {name: value for name, value in image.info.items() if name == "icc_profile"}
    try:
        bare.save(target, format=how.format.upper(), **how.options, **options)
    except ValueError as error:
        raise InvalidRequest("JPEG has no room for so long a recipe.", "Write it as PNG or WebP.") from error


def _png(image: Image.Image, recipe: Recipe, facts: Mapping[str, Any], how: Writing) -> dict[str, Any]:
    texts = PngInfo()
    if how.recipe:
        # Never compressed: readers refuse a compressed text that unpacks to more than a megabyte.
        texts.add_text(own.CHUNK, own.as_text(recipe, facts))
        texts.add_text("parameters", _infotext(image, recipe, facts))
    if how.marked:
        texts.add_itxt(xmp.PNG_KEYWORD, xmp.packet({PROPERTY: source_type(recipe)}))
    return {"pnginfo": texts}


def _other(image: Image.Image, recipe: Recipe, facts: Mapping[str, Any], how: Writing) -> dict[str, Any]:
    """A1111 reads its text in EXIF's comment; our own stands in XMP, as one block of EXIF has no room for both."""
    properties = {PROPERTY: source_type(recipe)} if how.marked else {}
    options: dict[str, Any] = {}
    if how.recipe:
        properties |= {"xmp:CreatorTool": f"Image Studio {__version__}"}
        properties |= {own.PROPERTY: own.as_text(recipe, facts, ascii_only=False)}
        exif = Image.Exif()
        comment = _infotext(image, recipe, facts).encode("utf-16-be", "replace")
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"UNICODE\0" + comment
        options["exif"] = exif
    if properties:
        # What UTF-8 has no bytes for, JSON escapes in just this way.
        options["xmp"] = xmp.packet(properties).encode("utf-8", "backslashreplace")
    return options


def _infotext(image: Image.Image, recipe: Recipe, facts: Mapping[str, Any]) -> str:
    return to_infotext(recipe, image.size, Weights.of(facts.get("weights")))
