"""One digest of pixels, everywhere."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from studio.compare.store import Cell
from studio.inputs import InputStore
from studio.pixels import BAND, digest
from studio.storage.database import Database
from tests.sources import naming

ROOT = Path(__file__).resolve().parent.parent
HASHES = {"sha256", "sha1", "md5", "blake2b", "blake2s", "sha512", "sha3_256", "crc32", "adler32", "file_digest"}
PIXELS = {"tobytes", "getdata", "asarray", "array"}


def test_the_digest_is_of_mode_size_and_pixels(tmp_path: Path):
    picture = Image.effect_noise((40, 2 * BAND + 7), 50).convert("RGB")
    picture.save(tmp_path / "a.png", compress_level=9)
    picture.save(tmp_path / "b.bmp")
    for name in ("a.png", "b.bmp"):
        with Image.open(tmp_path / name) as read:
            assert digest(read) == digest(picture)
    changed = picture.copy()
    changed.putpixel((39, 2 * BAND + 6), (1, 2, 3))
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    flat = Image.new("L", (2, 8)), Image.new("L", (4, 4)), Image.new("RGB", (4, 4))
    assert len({digest(one) for one in (picture, changed, turned, *flat)}) == 6


def test_a_stored_input_and_a_compared_picture_have_the_same_digest(tmp_path: Path):
    picture = Image.effect_noise((16, 16), 50).convert("RGB")
    picture.save(tmp_path / "a.png")
    stored = InputStore(tmp_path / "inputs", Database(None)).add(tmp_path / "a.png")
    cell = Cell(0, 0, "done", str(tmp_path / "a.png"))
    assert stored.id == cell.digest == digest(picture)


def called(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "attr", getattr(node.func, "id", ""))


def hashes_pixels(function: ast.AST) -> bool:
    """Whether it makes a hash, and takes the bytes of a picture or an array anywhere."""
    names = set(called(function))
    return bool(names & HASHES and names & PIXELS)


@pytest.mark.parametrize("folder", ["studio", "starter_factory"])
def test_nothing_else_hashes_pixels(folder: str):
    found = {
        path.relative_to(ROOT).as_posix()
        for path, tree in naming(*HASHES, folder=ROOT / folder)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and hashes_pixels(node)
    }
    # The watermark's sums are of its id and of the order of its cosines, which are no pixels.
    assert found - {"studio/pixels.py", "studio/safety/watermark.py"} == set()
    assert hashes_pixels(ast.parse("def own(a):\n    return hashlib.sha256(a.tobytes())")), "it would be seen"
