"""Where a file's texts lie and how they are encoded: every place and encoding that writers use."""

import binascii
import gzip
import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import brotli
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.errors import Unreadable
from studio.library import Library
from studio.metadata import own, png_chunks, readers, writing
from studio.metadata.file_texts import texts_of
from studio.metadata.text_encodings import repaired, user_comment
from tests.drawer import picture, resolved

TEXT = "ein Löwe, 家\nNegative prompt: blurry\nSteps: 22, Sampler: Euler a, CFG scale: 6.5, Seed: 777, Size: 512x640"
LATIN = TEXT.replace("家", "é")


def exif(order: str, comment: bytes, tag: int = 0x9286, kind: int = 7) -> bytes:
    """An EXIF block with one tag in the part for photographs, as a tool of this byte order writes it."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    first = struct.pack(order + "HHHIII", 1, 0x8769, 4, 1, 26, 0)
    value = comment.ljust(4, b"\0")
    return b"Exif\0\0" + head + first + struct.pack(order + "HHHIII", 1, tag, kind, len(comment), 44, 0) + value


def first_block(**tags: str) -> bytes:
    """An EXIF block with texts in its first part."""
    block = Image.Exif()
    for tag, text in tags.items():
        block[int(tag.removeprefix("t"), 16)] = text
    return block.tobytes()


def png_of(*chunks: tuple[bytes, bytes], behind: bool = False) -> bytes:
    """A PNG with these chunks before its pixels, or behind them."""
    plain = io.BytesIO()
    Image.new("RGB", (64, 64)).save(plain, "PNG")
    data = plain.getvalue()
    at = data.rindex(b"IEND") - 4 if behind else data.index(b"IDAT") - 4
    made = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    return data[:at] + made + data[at:]


def read(path: Path, data: bytes) -> tuple[object, object]:
    path.write_bytes(data)
    values = readers.of_file(path).values
    return values["prompt"], values["seed"]


@pytest.mark.parametrize("ending", ["jpg", "webp", "avif", "png", "tif"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("written", ["<", ">", "mark", "utf-8"])
def test_a_comment_in_unicode_is_read_in_each_byte_order(tmp_path: Path, ending: str, order: str, written: str):
    encoding = {"<": "utf-16-le", ">": "utf-16-be", "mark": "utf-16", "utf-8": "utf-8"}[written]
    block = exif(order, b"UNICODE\0" + TEXT.encode(encoding))
    path = tmp_path / f"a.{ending}"
    Image.new("RGB", (64, 64)).save(path, exif=block)
    assert readers.of_file(path).values["prompt"] == "ein Löwe, 家"


@pytest.mark.parametrize(
    "comment",
    [
        b"ASCII\0\0\0" + TEXT.encode(),
        b"ASCII\0\0\0" + LATIN.encode("latin-1"),
        b"\0" * 8 + TEXT.encode(),
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        b"JIS\0\0\0\0\0" + TEXT.replace("ö", "o").encode("iso2022_jp"),
        b"UNICODE\0" + TEXT.encode("utf-16-le") + b"\0\0\0\0",
        b"UNICODE\0" + b"charset=Unicode ".decode().encode("utf-16-le") + TEXT.encode("utf-16-le"),
    ],
    ids=["ascii", "latin-1", "undefined", "bare", "bom", "jis", "nul", "charset"],
)
def test_a_comment_is_read_whatever_its_prefix_says(comment: bytes):
    assert "Steps: 22, Sampler: Euler a" in user_comment(comment, "<")
    assert "we, " in user_comment(comment, "<")


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize(
    "chunk",
    [
        (b"tEXt", b"parameters\0" + LATIN.encode("latin-1")),
        (b"tEXt", b"parameters\0" + LATIN.encode()),
        (b"zTXt", b"parameters\0\0" + zlib.compress(LATIN.encode("latin-1"))),
        (b"iTXt", b"parameters\0\0\0\0\0" + LATIN.encode()),
        (b"iTXt", b"parameters\0\1\0en\0translated\0" + zlib.compress(LATIN.encode())),
        (b"iTXt", b"parameters\0\0\0\0\0" + LATIN.encode().decode("latin-1").encode()),
        (b"tEXt", b"parameters\0" + LATIN.replace("\n", "\r\n").encode()),
        (b"tEXt", b"parameters\0\xef\xbb\xbf" + LATIN.encode()),
        (b"tEXt", b"Comment\0" + LATIN.encode()),
        (b"eXIf", exif("<", b"UNICODE\0" + LATIN.encode("utf-16-le"))[6:]),
    ],
    ids=["latin-1", "utf-8", "zTXt", "iTXt", "packed", "mojibake", "crlf", "bom", "comment", "eXIf"],
)
def test_a_text_of_a_png_is_read_in_each_form_and_place(tmp_path: Path, chunk: tuple[bytes, bytes], behind: bool):
    assert read(tmp_path / "a.png", png_of(chunk, behind=behind)) == ("ein Löwe, é", 777)


def test_what_imagemagick_makes_of_exif_is_read(tmp_path: Path):
    block = exif("<", b"UNICODE\0" + TEXT.encode("utf-16-le"))
    digits = binascii.hexlify(block)
    lines = b"\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    body = b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n%8d\n" % len(block) + lines + b"\n")
    assert read(tmp_path / "a.png", png_of((b"zTXt", body))) == ("ein Löwe, 家", 777)


@pytest.mark.parametrize(
    "place",
    [
        "<exif:UserComment><rdf:Alt><rdf:li xml:lang='x-default'>{}</rdf:li></rdf:Alt></exif:UserComment>",
        '<rdf:Description exif:UserComment="{}"/>',
        "<dc:description><rdf:Alt><rdf:li>{}</rdf:li></rdf:Alt></dc:description>",
    ],
)
def test_a_text_in_xmp_is_read(tmp_path: Path, place: str):
    escaped = TEXT.replace("&", "&amp;").replace('"', "&quot;").replace("\n", "&#10;")
    xmp = f"<x:xmpmeta>{place.format(escaped)}</x:xmpmeta>".encode()
    Image.new("RGB", (64, 64)).save(tmp_path / "a.webp", xmp=xmp)
    assert readers.of_file(tmp_path / "a.webp").values["seed"] == 777
    assert read(tmp_path / "a.png", png_of((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)))[1] == 777


@pytest.mark.parametrize("tag", [0x9C9B, 0x9C9C, 0x9C9E, 0x9C9F])
def test_what_windows_shows_is_read(tmp_path: Path, tag: int):
    block = Image.Exif()
    block[tag] = TEXT.encode("utf-16-le") + b"\0\0"
    Image.new("RGB", (64, 64)).save(tmp_path / "a.jpg", exif=block)
    assert readers.of_file(tmp_path / "a.jpg").values["prompt"] == "ein Löwe, 家"


@pytest.mark.parametrize("tag", [0x010E, 0x9286])
def test_a_text_in_the_first_block_is_read(tmp_path: Path, tag: int):
    block = Image.Exif()
    block[tag] = TEXT.replace("家", "é").encode()
    Image.new("RGB", (64, 64)).save(tmp_path / "a.jpg", exif=block)
    assert readers.of_file(tmp_path / "a.jpg").values["prompt"] == "ein Löwe, é"


@pytest.mark.parametrize("ending", ["jpg", "gif"])
def test_a_comment_of_the_format_is_read(tmp_path: Path, ending: str):
    Image.new("RGB", (64, 64)).save(tmp_path / f"a.{ending}", comment=TEXT.encode())
    assert readers.of_file(tmp_path / f"a.{ending}").values["prompt"] == "ein Löwe, 家"


def test_a_jpeg_xl_is_read_by_its_boxes(tmp_path: Path):
    block = b"\0\0\0\0" + exif(">", b"UNICODE\0" + TEXT.encode("utf-16-be"))[6:]
    boxes = b"".join(
        struct.pack(">I", len(body) + 8) + kind + body
        for kind, body in ((b"ftyp", b"jxl \0\0\0\0jxl "), (b"jxlp", b"x" * 50), (b"Exif", block))
    )
    path = tmp_path / "a.jxl"
    path.write_bytes(b"\0\0\0\x0cJXL \r\n\x87\n" + boxes)
    assert readers.of_file(path).values["prompt"] == "ein Löwe, 家"
    packed = brotli.compress(block)
    for body, reads in ((packed, True), (packed[:-3], False), (brotli.compress(bytes(9_000_000)), False)):
        box = struct.pack(">I", len(body) + 12) + b"brobExif" + body
        path.write_bytes(b"\0\0\0\x0cJXL \r\n\x87\n" + box)
        if reads:
            assert readers.of_file(path).values["prompt"] == "ein Löwe, 家"
        else:
            assert texts_of(path).texts == {}
    path.write_bytes(b"\0\0\0\x0cJXL \r\n\x87\n" + boxes[:60])
    with pytest.raises(Unreadable, match="does not say"):
        readers.of_file(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_a_file_of_text_is_read_in_each_encoding(tmp_path: Path, encoding: str):
    path = tmp_path / "a.txt"
    path.write_bytes(LATIN.replace("\n", "\r\n").encode(encoding))
    assert readers.of_file(path).values["prompt"] == "ein Löwe, é"


def hidden(text: bytes, mark: bytes, *, alpha: bool) -> Image.Image:
    """A picture with a text in its lowest bits, column by column, as stealth-pnginfo writes it."""
    bits = np.unpackbits(np.frombuffer(mark + struct.pack(">I", len(text) * 8) + text, np.uint8))
    width, height, channels = 64, 96, 1 if alpha else 3
    cells = np.full(width * height * channels, 254, np.uint8)
    cells[: len(bits)] = 254 | bits
    columns = cells.reshape(width, height, channels).swapaxes(0, 1)
    if not alpha:
        return Image.fromarray(np.ascontiguousarray(columns))
    colour = np.full((height, width, 3), 90, np.uint8)
    return Image.fromarray(np.concatenate([colour, columns], axis=2), "RGBA")


@pytest.mark.parametrize("alpha", [True, False])
@pytest.mark.parametrize("packed", [True, False])
def test_a_text_hidden_in_the_pixels_is_read(tmp_path: Path, alpha: bool, packed: bool):
    mark = b"stealth_" + (b"png" if alpha else b"rgb") + (b"comp" if packed else b"info")
    text = gzip.compress(TEXT.encode()) if packed else TEXT.encode()
    for ending, more in (("png", {}), ("webp", {"lossless": True, "exact": True})):
        path = tmp_path / f"a.{ending}"
        hidden(text, mark, alpha=alpha).save(path, **more)
        assert readers.of_file(path).values["prompt"] == "ein Löwe, 家"


@pytest.mark.parametrize(
    "text",
    [b"", gzip.compress(TEXT.encode())[:40], b"no gzip at all", gzip.compress(b"\xff\xfe\xfd")],
    ids=["empty", "torn", "plain", "no text"],
)
def test_a_damaged_hidden_text_is_none(tmp_path: Path, text: bytes):
    hidden(text, b"stealth_pngcomp", alpha=True).save(tmp_path / "a.png")
    with pytest.raises(Unreadable, match="does not say how it was made"):
        readers.of_file(tmp_path / "a.png")


def behind(data: bytes) -> bytes:
    """The same PNG with its texts behind the pixels, as other programs write them."""
    chunks, at = [], 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        chunks.append(data[at : at + 12 + length])
        at += 12 + length
    texts = [one for one in chunks if one[4:8] in (b"tEXt", b"iTXt")]
    rest = [one for one in chunks if one not in texts]
    return data[:8] + b"".join([*rest[:-1], *texts, rest[-1]])


@pytest.mark.parametrize("moved", [behind, lambda data: data], ids=["behind", "before"])
def test_our_own_recipe_is_found_behind_the_pixels(tmp_path: Path, moved: Callable[[bytes], bytes]):
    recipe, path = resolved("ein Löwe, 家"), tmp_path / "a.png"
    writing.write(picture(recipe), recipe, {"device": "pencil"}, path)
    path.write_bytes(moved(path.read_bytes()))
    assert (Library(tmp_path).read(path), own.read_facts(path)) == (recipe, {"device": "pencil"})
    assert readers.of_file(path).values == recipe.model_dump(exclude_defaults=True)


def test_our_own_chunk_is_ascii_so_that_no_program_mistakes_it(tmp_path: Path):
    recipe, path = resolved("ein Löwe, Ã¶, 家, 🏠"), tmp_path / "a.png"
    writing.write(picture(recipe), recipe, {}, path)
    with path.open("rb") as file:
        assert next(chunk for chunk in png_chunks.texts_of(file) if chunk.name == own.CHUNK).data.isascii()
    assert own.read(path) == recipe


def test_an_older_chunk_of_ours_is_read_by_the_standard(tmp_path: Path):
    recipe, path = resolved("Ã¶ is what Ã¶ is"), tmp_path / "a.png"
    text = json.dumps({"recipe": json.loads(recipe.to_json()), "facts": {}}, ensure_ascii=False)
    path.write_bytes(png_of((b"tEXt", b"image-studio\0" + text.encode("latin-1"))))
    assert own.read(path) == recipe
    assert readers.of_file(path).values["prompt"] == "Ã¶ is what Ã¶ is"


def test_a_damaged_recipe_of_ours_leaves_the_text_beside_it(tmp_path: Path):
    chunks = ((b"tEXt", b"image-studio\0{torn"), (b"tEXt", b"parameters\0" + LATIN.encode()))
    assert read(tmp_path / "a.png", png_of(*chunks)) == ("ein Löwe, é", 777)
    path = tmp_path / "b.png"
    path.write_bytes(png_of(chunks[0]))
    with pytest.raises(Unreadable, match="damaged recipe"):
        readers.of_file(path)


def test_a_large_compressed_text_beside_does_not_matter(tmp_path: Path):
    info = PngInfo()
    info.add_text("workflow", "x" * 3_000_000, zip=True)
    info.add_text("parameters", LATIN)
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png", pnginfo=info)
    assert readers.of_file(tmp_path / "a.png").values["seed"] == 777


def test_a_text_that_unpacks_to_too_much_is_left_out(tmp_path: Path):
    bomb = zlib.compress(b"\0" * 200_000_000, 9)
    chunks = ((b"zTXt", b"workflow\0\0" + bomb), (b"tEXt", b"parameters\0" + LATIN.encode()))
    assert read(tmp_path / "a.png", png_of(*chunks)) == ("ein Löwe, é", 777)


def test_a_file_of_many_empty_chunks_or_a_torn_one_is_soon_over(tmp_path: Path):
    path = tmp_path / "a.png"
    empty = struct.pack(">I4sI", 0, b"tEXt", 0)
    path.write_bytes(png_of()[:33] + empty * 250_000)
    with pytest.raises(Unreadable, match="does not say"):
        readers.of_file(path)
    path.write_bytes(png_of((b"tEXt", b"parameters\0" + LATIN.encode()))[:-20])
    assert readers.of_file(path).values["seed"] == 777


def test_no_pixel_is_decoded_for_texts(tmp_path: Path):
    """The header may claim any size: nothing is made of it."""
    data = bytearray(png_of((b"tEXt", b"parameters\0" + LATIN.encode())))
    data[16:24] = struct.pack(">II", 2**31 - 1, 2**31 - 1)
    assert read(tmp_path / "a.png", bytes(data)) == ("ein Löwe, é", 777)
    bare = bytearray(png_of())
    bare[16:24] = struct.pack(">II", 60_000, 60_000)
    (tmp_path / "b.png").write_bytes(bytes(bare))
    with pytest.raises(Unreadable, match="does not say"):
        readers.of_file(tmp_path / "b.png")


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\nIHDR", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP"])
def test_a_torn_header_is_said(tmp_path: Path, data: bytes):
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(Unreadable, match=r"is damaged|cannot be read|neither a picture"):
        readers.of_file(tmp_path / "a.png")


@pytest.mark.parametrize("at", range(0, 90, 3))
def test_damaged_exif_is_as_if_there_was_none(tmp_path: Path, at: int):
    block = bytearray(exif("<", b"UNICODE\0" + TEXT.encode("utf-16-le")))
    block[6 + at % 60] ^= 0xFF
    path = tmp_path / "a.png"
    path.write_bytes(png_of((b"eXIf", bytes(block[6:]))))
    texts_of(path)


@pytest.mark.parametrize("text", ["a cat", "ein Löwe", "naïve café", "家"])
def test_a_text_that_is_right_stays(text: str):
    assert repaired(text) == text
    assert repaired(text.encode().decode("latin-1")) == text
