import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from studio import unused
from studio.errors import InvalidRecipe, NotFound, NotWritable, Unreadable
from studio.inputs import InputStore
from studio.storage.database import Database
from tests.people import who

RED = (200, 30, 10)


@pytest.fixture
def inputs(tmp_path: Path) -> InputStore:
    return InputStore(tmp_path / "inputs", Database.of(tmp_path))


def encoded(image: Image.Image, kind: str = "PNG", **how) -> bytes:
    file = io.BytesIO()
    image.save(file, format=kind, **how)
    return file.getvalue()


def noise(size: tuple[int, int] = (33, 17), channels: int = 3) -> Image.Image:
    width, height = size
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.fromarray(pixels)


def header_only(width: int, height: int) -> bytes:
    """A PNG that promises more than it holds."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress(bytes(4096))
    start = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + start + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_a_plain_picture_is_kept_pixel_for_pixel(inputs: InputStore):
    picture = noise()
    added = inputs.add(encoded(picture))
    assert (added.width, added.height, added.notes) == (33, 17, ())
    assert inputs.size(added.id) == (33, 17)
    assert inputs.open(added.id).tobytes() == picture.tobytes()


def test_equal_pixels_are_stored_once_whatever_they_come_in(inputs: InputStore, tmp_path: Path):
    picture = noise()
    path = tmp_path / "a.bmp"
    picture.save(path)
    ids = {inputs.add(source).id for source in (picture, path, encoded(picture), encoded(picture, "TIFF"))}
    assert len(ids) == 1
    assert [file.name for file in inputs.folder.iterdir()] == [f"{ids.pop()}.png"]


def test_nothing_of_an_upload_but_its_pixels_is_kept(inputs: InputStore):
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    added = inputs.add(encoded(noise(), exif=exif, dpi=(300, 300)))
    with Image.open(inputs.path(added.id)) as stored:
        assert stored.info == {}


def test_transparency_is_laid_on_white(inputs: InputStore):
    picture = Image.new("RGBA", (2, 1), (*RED, 255))
    picture.putpixel((1, 0), (0, 0, 0, 0))
    added = inputs.add(encoded(picture))
    assert added.notes == ("Transparency was filled with white.",)
    assert [inputs.open(added.id).getpixel((x, 0)) for x in (0, 1)] == [RED, (255, 255, 255)]


def test_alpha_that_hides_nothing_changes_nothing(inputs: InputStore):
    picture = noise()
    opaque = picture.copy()
    opaque.putalpha(255)
    assert inputs.add(encoded(opaque)).id == inputs.add(picture).id


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palette_becomes_rgb(inputs: InputStore, kind: str):
    picture = Image.new("RGB", (8, 8), RED).quantize(4)
    added = inputs.add(encoded(picture, kind))
    assert added.notes == ("Converted from a palette to RGB.",)
    assert inputs.open(added.id).getpixel((3, 3)) == RED


def test_a_palette_with_a_hole_is_laid_on_white(inputs: InputStore):
    picture = Image.new("P", (2, 1), 0)
    picture.putpalette([0, 0, 0, *RED])
    picture.putpixel((1, 0), 1)
    added = inputs.add(encoded(picture, transparency=0))
    assert [inputs.open(added.id).getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), RED]


def test_sixteen_bits_become_eight(inputs: InputStore):
    deep = Image.fromarray(np.array([[0, 0x80FF, 0xFFFF]], dtype=np.uint16))
    added = inputs.add(encoded(deep))
    assert added.notes == ("Reduced from 16 to 8 bits.", "Converted from grey to RGB.")
    assert [inputs.open(added.id).getpixel((x, 0)) for x in range(3)] == [(v, v, v) for v in (0, 0x80, 0xFF)]


def test_cmyk_becomes_rgb(inputs: InputStore):
    added = inputs.add(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95))
    assert added.notes == ("Converted from CMYK to RGB.",)
    red, green, blue = inputs.open(added.id).getpixel((8, 8))
    assert red > 240
    assert max(green, blue) < 20


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def other_profile() -> bytes:
    """sRGB with red and green exchanged, under another name."""
    swapped = srgb().replace(b"rXYZ", b"tmp ").replace(b"gXYZ", b"rXYZ").replace(b"tmp ", b"gXYZ")
    return swapped.replace("sRGB".encode("utf-16-be"), "Wide".encode("utf-16-be"))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colours_of_another_profile_are_brought_to_srgb(inputs: InputStore, mode: str):
    picture = Image.new("RGB", (8, 8), (250, 5, 5)).convert(mode)
    added = inputs.add(encoded(picture, icc_profile=other_profile()))
    assert added.notes == ("Colours were converted from Wide built-in to sRGB.",)
    red, green, _ = inputs.open(added.id).getpixel((3, 3))
    assert red < 30
    assert green > 230


def test_a_profile_of_srgb_changes_no_pixel_and_one_that_is_none_is_said(inputs: InputStore):
    picture = noise()
    plain = inputs.add(picture)
    assert inputs.add(encoded(picture, icc_profile=srgb())) == plain
    odd = inputs.add(encoded(picture, icc_profile=b"no profile"))
    assert odd.id == plain.id
    assert "cannot be read" in odd.notes[0]


def test_a_photograph_is_turned_upright(inputs: InputStore):
    picture = noise((32, 16))
    exif = Image.Exif()
    exif[0x0112] = 6
    added = inputs.add(encoded(picture, exif=exif))
    assert (added.width, added.height) == (16, 32)
    assert added.notes == ("Turned upright, as its camera recorded.",)
    assert inputs.open(added.id).tobytes() == picture.transpose(Image.Transpose.ROTATE_270).tobytes()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(inputs: InputStore, kind: str):
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, "blue", "green")]
    how = {"lossless": True} if kind == "WEBP" else {}
    added = inputs.add(encoded(frames[0], kind, save_all=True, append_images=frames[1:], **how))
    assert "Only the first frame of the animation was taken." in added.notes
    assert inputs.open(added.id).getpixel((5, 5)) == RED


def test_one_pixel_is_a_picture(inputs: InputStore):
    added = inputs.add(encoded(Image.new("RGB", (1, 1), RED)))
    assert inputs.open(added.id).getpixel((0, 0)) == RED


FAULTS = {
    "text": (b"this is no picture", "not a picture"),
    "empty": (b"", "0 bytes"),
    "torn-jpeg": (encoded(noise((256, 256)), "JPEG")[:4000], "cannot be read"),
    "torn-png": (encoded(noise((256, 256)))[:4000], "cannot be read"),
    "torn-gif": (encoded(noise((256, 256)), "GIF")[:4000], "cannot be read"),
    "torn-webp": (encoded(noise((256, 256)), "WEBP", lossless=True)[:4000], "cannot be read"),
    "bomb": (header_only(20000, 20000), "400 megapixels"),
    "100 megapixels": (header_only(10000, 10000), "100 megapixels"),
    "80 megapixels": (header_only(8000, 10000), "80 megapixels"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("field", ["init_image", "mask_image"])
def test_what_is_no_picture_names_the_field_and_the_cure(inputs: InputStore, tmp_path: Path, name: str, field: str):
    data, says = FAULTS[name]
    path = tmp_path / "upload.png"
    path.write_bytes(data)
    add = inputs.add if field == "init_image" else inputs.add_mask
    for source in (path, data):
        with pytest.raises(InvalidRecipe, match=says) as error:
            add(source)
        assert error.value.field == field
        assert error.value.hint
    assert not inputs.folder.exists()


def test_a_file_that_is_not_there_is_a_clear_error(inputs: InputStore, tmp_path: Path):
    for path, words in ((tmp_path / "gone.png", "is not there"), (tmp_path, "cannot be read")):
        with pytest.raises(InvalidRecipe, match=f"init_image: The picture {words}"):
            inputs.add(path)


def test_a_painted_layer_masks_by_its_alpha(inputs: InputStore):
    layer = Image.new("RGBA", (3, 1), (0, 0, 0, 0))
    layer.putpixel((1, 0), (0, 0, 0, 128))
    layer.putpixel((2, 0), (255, 255, 255, 255))
    mask = inputs.open(inputs.add_mask(layer).id)
    assert (mask.mode, mask.tobytes()) == ("L", bytes([0, 128, 255]))


def test_a_mask_without_alpha_masks_by_its_brightness(inputs: InputStore):
    grey = Image.frombytes("L", (3, 1), bytes([0, 128, 255]))
    opaque = grey.convert("RGBA")
    ids = {inputs.add_mask(mask).id for mask in (grey, grey.convert("RGB"), opaque, encoded(grey.convert("P")))}
    assert len(ids) == 1
    assert inputs.open(ids.pop()).tobytes() == grey.tobytes()


@pytest.mark.parametrize("empty", [Image.new("RGBA", (4, 4)), Image.new("L", (4, 4)), Image.new("1", (4, 4))])
def test_an_empty_mask_is_refused(inputs: InputStore, empty: Image.Image):
    with pytest.raises(InvalidRecipe, match="mask_image: The mask is empty") as error:
        inputs.add_mask(empty)
    assert error.value.hint


def test_a_mask_and_a_picture_of_equal_values_are_two_inputs(inputs: InputStore):
    white = Image.new("L", (4, 4), 255)
    assert inputs.add(white).id != inputs.add_mask(white).id


@pytest.mark.parametrize("name", ["0" * 64, "", "../../secret", "x" * 64, "0" * 64 + "\n"])
def test_what_is_not_stored_is_a_clear_error(inputs: InputStore, name: str):
    for ask in (inputs.open, inputs.size, inputs.path):
        with pytest.raises(NotFound) as error:
            ask(name)
        assert error.value.hint


def test_a_damaged_store_is_a_clear_error_and_mends_itself(inputs: InputStore):
    added = inputs.add(noise((64, 64)))
    path = inputs.path(added.id)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(Unreadable, match="damaged") as error:
        inputs.open(added.id)
    assert error.value.hint
    path.unlink()
    assert inputs.add(noise((64, 64))).id == added.id


def test_a_folder_that_cannot_be_written_is_a_clear_error(inputs: InputStore):
    inputs.folder.write_text("in the way")
    with pytest.raises(NotWritable) as error:
        inputs.add(noise())
    assert error.value.hint


def heic(picture: Image.Image, **how: Any) -> bytes:
    """As a telephone writes it."""
    import pillow_heif

    file = io.BytesIO()
    pillow_heif.from_pillow(picture).save(file, quality=-1, chroma=444, **how)
    return file.getvalue()


@pytest.mark.parametrize("encode", [heic, lambda picture: encoded(picture, "AVIF", quality=100)], ids=["HEIC", "AVIF"])
def test_pictures_of_telephones_are_taken(inputs: InputStore, encode: Any):
    picture = Image.new("RGB", (64, 48), RED)
    picture.paste((0, 90, 200), (0, 0, 32, 48))
    added = inputs.add(encode(picture))
    assert ((added.width, added.height), added.notes) == ((64, 48), ())
    stored = np.asarray(inputs.open(added.id), np.int16)
    assert np.abs(stored - np.asarray(picture, np.int16)).mean() < 2


def test_a_mask_may_be_one_too(inputs: InputStore):
    mask = Image.new("L", (64, 48))
    mask.paste(255, (0, 0, 32, 48))
    added = inputs.add_mask(heic(mask.convert("RGB")))
    assert inputs.open(added.id).getpixel((60, 20)) < 6


def test_a_heic_that_promises_more_than_it_may_is_refused_before_it_is_decoded(inputs: InputStore):
    content = heic(Image.new("RGB", (64, 64), RED))
    sizes = struct.pack(">II", 64, 64)
    assert sizes in content
    with pytest.raises(InvalidRecipe, match="400 megapixels"):
        inputs.add(content.replace(sizes, struct.pack(">II", 20_000, 20_000)))


def test_a_damaged_picture_of_a_telephone_is_refused_in_words(inputs: InputStore):
    """Cut anywhere, or with any byte of its structure another."""
    rng = np.random.default_rng(0)
    whole = heic(noise((64, 48)))
    broken = [whole[:length] for length in rng.integers(12, len(whole), 12)]
    for place in rng.integers(8, 400, 60):
        turned = bytearray(whole)
        turned[place] ^= int(rng.integers(1, 256))
        broken.append(bytes(turned))
    refused = 0
    for content in broken:
        try:
            inputs.add(content)
        except InvalidRecipe:
            refused += 1
    assert refused >= 12


@pytest.fixture
def board() -> Image.Image:
    """A black and white mask with an alpha channel, all of it opaque; the left half is white."""
    mask = Image.new("RGBA", (8, 4), "black")
    mask.paste("white", (0, 0, 4, 4))
    return mask


HALF = bytes([255] * 4 + [0] * 4) * 4


def test_a_black_and_white_mask_masks_by_its_brightness_whatever_its_alpha(inputs: InputStore, board: Image.Image):
    assert inputs.open(inputs.add_mask(board).id).tobytes() == HALF
    board.putpixel((7, 3), (0, 0, 0, 254))
    added = inputs.add_mask(board)
    assert inputs.open(added.id).tobytes() == HALF
    assert "brightness counts" in added.notes[-1]


def test_what_is_transparent_in_a_black_and_white_mask_stays(inputs: InputStore, board: Image.Image):
    board.putpixel((0, 0), (255, 255, 255, 0))
    assert inputs.open(inputs.add_mask(board).id).tobytes() == b"\0" + HALF[1:]


def test_a_picture_with_holes_masks_by_what_is_opaque_and_says_so_and_can_be_turned(inputs: InputStore):
    picture = Image.merge("RGBA", [*Image.effect_noise((8, 4), 99).convert("RGB").split(), Image.new("L", (8, 4), 255)])
    picture.putpixel((1, 0), (9, 200, 30, 255))
    picture.putpixel((0, 0), (0, 0, 0, 0))
    added = inputs.add_mask(picture)
    assert inputs.open(added.id).tobytes() == b"\0" + b"\xff" * 31
    assert "opaque" in added.notes[-1]
    holes = inputs.open(inputs.add_mask(picture, reads="transparent").id).tobytes()
    assert (
        holes == inputs.open(inputs.add_mask(picture, reads="opaque", invert=True).id).tobytes() == b"\xff" + b"\0" * 31
    )
    with pytest.raises(InvalidRecipe, match="mask_image: Nothing in the mask is transparent"):
        inputs.add_mask(picture.convert("RGB"), reads="transparent")


# The number that is white in modes of one deep channel.
DEEP = {"I": 65535, "F": 1.0, **dict.fromkeys(("I;16", "I;16L", "I;16B", "I;16N"), 65535)}
MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB", *DEEP)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("add", ["add", "add_mask"])
def test_pictures_and_masks_may_be_of_any_mode(inputs: InputStore, add: str, mode: str):
    """The left half is white, the right half black; what could not be kept in 8 bits is said."""
    half = Image.new("L", (8, 4))
    half.paste(255, (0, 0, 4, 4))
    if mode in DEEP:
        picture = Image.new(mode, (8, 4), 0)
        for place in [(x, y) for x in range(4) for y in range(4)]:
            picture.putpixel(place, DEEP[mode])
    elif mode in ("La", "RGBa", "PA", "LA"):
        picture = half.convert("LA" if mode in ("La", "PA") else "RGBA").convert(mode)
    else:
        picture = half.convert("RGB").convert(mode)
    added = getattr(inputs, add)(picture)
    stored = np.asarray(inputs.open(added.id).convert("L")).astype(int)
    assert stored[:, :4].min() >= 250
    assert stored[:, 4:].max() <= 5
    assert any("Reduced from" in note for note in added.notes) == (mode in DEEP)


@pytest.mark.parametrize(
    ("mode", "white", "says"),
    [("I", 255, "255"), ("I", 65535, "65535"), ("I", 2**31 - 1, "2147483647"), ("F", 1.0, "1 "), ("F", 255.0, "255")],
)
def test_what_is_white_in_32_bits_follows_from_the_numbers_and_is_said(
    inputs: InputStore, mode: str, white: float, says: str
):
    deep = Image.new(mode, (2, 1), 0)
    deep.putpixel((1, 0), white)
    added = inputs.add_mask(encoded(deep, "TIFF"))
    assert inputs.open(added.id).tobytes() == b"\x00\xff"
    assert f"{says.strip()} is white" in added.notes[0]


@pytest.mark.parametrize("add", ["add", "add_mask"])
@pytest.mark.parametrize("at_end", [False, True])
def test_a_png_is_read_whatever_texts_it_has(inputs: InputStore, add: str, *, at_end: bool):
    texts = PngInfo()
    texts.add_text("workflow", "x" * 3_000_000, zip=True)
    target = io.BytesIO()
    Image.new("RGB", (8, 4), "teal").save(target, "PNG", pnginfo=texts)
    png = target.getvalue()
    if at_end:
        start = png.index(b"zTXt") - 4
        end = start + 12 + int.from_bytes(png[start : start + 4], "big")
        place = png.index(b"IEND") - 4
        png = png[:start] + png[end:place] + png[start:end] + png[place:]
    assert (added := getattr(inputs, add)(png)).width == 8
    assert inputs.open(added.id).size == (8, 4)


def kept(inputs: InputStore) -> set[str]:
    return {path.stem for path in inputs.folder.glob("*.png")}


def flat(number: int) -> Image.Image:
    return Image.new("RGB", (8, 8), (number, 0, 0))


def test_a_hundred_previews_leave_few_files_and_none_that_is_used(inputs: InputStore):
    brought = inputs.add(noise(), who=who("o")).id
    used = inputs.add_glance(flat(200)).id
    inputs.use([used])
    shown = [inputs.add_glance(flat(number)).id for number in range(100)]
    assert kept(inputs) == {brought, used, *shown[-unused.MOST_GLANCES :]}


def test_a_preview_that_a_job_makes_again_stays(inputs: InputStore, monkeypatch: pytest.MonkeyPatch):
    same = inputs.add_glance(flat(1)).id
    assert inputs.add(flat(1), "controls").id == same
    monkeypatch.setattr(unused, "GLANCE_SECONDS", -1.0)
    inputs.add_glance(flat(1))
    inputs.sweep()
    assert kept(inputs) == {same}


def test_what_was_brought_and_never_used_is_cleared_when_it_is_old(inputs: InputStore, monkeypatch: pytest.MonkeyPatch):
    used, dropped = inputs.add(flat(1), who=who("o")).id, inputs.add(flat(2), who=who("o")).id
    (inputs.folder / f"{dropped}.json").write_text("{}")
    given = inputs.add(flat(3)).id
    inputs.use([used])
    inputs.sweep()
    assert kept(inputs) == {used, dropped, given}
    monkeypatch.setattr(unused, "BROUGHT_SECONDS", -1.0)
    InputStore(inputs.folder, Database.of(inputs.folder.parent)).sweep()
    assert kept(inputs) == {used, given}
    assert not (inputs.folder / f"{dropped}.json").exists()
    assert inputs.holds(who("o"), [used, dropped]) == {used}


def test_pictures_of_an_older_studio_stay(inputs: InputStore, monkeypatch: pytest.MonkeyPatch):
    old = inputs.add(flat(1)).id
    monkeypatch.setattr(unused, "BROUGHT_SECONDS", -1.0)
    inputs.add(flat(1), who=who("o"))
    inputs.sweep()
    assert kept(inputs) == {old}
