"""Pictures handed on: other formats, contact sheets, sets to train with."""

import json
import tracemalloc
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from PIL.PdfParser import PdfParser

from studio.cli import main
from studio.export import contact_sheet, pictures, training
from studio.gate.identity import COMMAND_LINE
from studio.lettering import Lettering, note
from studio.metadata import own, writing
from studio.metadata.writing import Writing
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.library_zips import Chosen, Form
from tests.drawer import Drawer, picture, resolved

PROMPTS = (
    "a (red:1.2) house <lora:ink:0.5> # not this\nby the sea",
    "ein Löwe, 家",
    "=cmd, <b>bold</b>",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures of the studio and one of somebody else's, two of them of the same name."""
    place = tmp_path / "given"
    for number, prompt in enumerate(PROMPTS):
        path = place / str(number) / ("same.png" if number < 2 else "other.png")
        path.parent.mkdir(parents=True)
        recipe = resolved(prompt, seed=number)
        writing.write(picture(recipe), recipe, {"device": "pencil"}, path)
    Image.new("RGB", (40, 20), "teal").save(place / "foreign.jpg")
    (place / "foreign.txt").write_text("a teal\nboard\n")
    (place / "notes.md").write_text("no picture")
    return place


def told(capsys: pytest.CaptureFixture[str]) -> list[Path]:
    return [Path(file) for file in json.loads(capsys.readouterr().out)["files"]]


def test_pictures_are_written_in_another_format_with_their_recipes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "out"
    assert main(["export", "pictures", str(folder), "-o", str(out), "--format", "webp", "--json"]) == 0
    files = told(capsys)
    assert [file.name for file in files] == ["same.webp", "same-2.webp", "other.webp", "foreign.webp"]
    assert [own.read(file).prompt for file in files[:3]] == list(PROMPTS)
    assert own.read_facts(files[0]) == {"device": "pencil"}


def test_pictures_to_publish_are_bare(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    given, out = str(folder / "0" / "same.png"), str(tmp_path / "out")
    assert main(["export", "pictures", given, "-o", out, "--without-recipe", "--marked", "--json"]) == 0
    (file,) = told(capsys)
    data = file.read_bytes()
    assert b"house" not in data
    assert b"trainedAlgorithmicMedia" in data


def test_a_training_set_has_a_caption_in_plain_words_for_each_picture(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "set"
    assert main(["export", "training", str(folder), "-o", str(out), "--trigger", "zwx", "--json"]) == 0
    files = told(capsys)
    captions = [file.with_suffix(".txt").read_text() for file in files]
    assert captions == [
        "zwx, a red house by the sea\n",
        "zwx, ein Löwe, 家\n",
        "zwx, =cmd, <b>bold</b>\n",
        "zwx, a teal board\n",
    ]
    assert len({file.name for file in files}) == 4
    assert all(b"prompt" not in file.read_bytes() for file in files)
    with Image.open(files[0]) as image:
        assert image.convert("RGB").tobytes() == picture(resolved("x", seed=0)).tobytes()


def test_a_sheet_of_html_stands_alone_and_runs_nothing_that_a_prompt_says(folder: Path, tmp_path: Path):
    target = tmp_path / "sheet.html"
    assert main(["export", "sheet", str(folder), "-o", str(target), "--title", "<i>Mine", "--columns", "2"]) == 0
    page = target.read_text("utf-8")
    assert page.count("data:image/webp;base64,") == 4
    assert "<i>Mine" not in page
    assert "http://" not in page
    assert "ein Löwe, 家 · seed 1" in page


def test_a_sheet_of_pdf_has_as_many_pages_as_its_pictures_need(folder: Path, tmp_path: Path):
    paths = pictures.found([folder]) * 8
    data = b"".join(contact_sheet.pdf(paths, "Mine", columns=2))
    assert data.startswith(b"%PDF")
    assert len(PdfParser(buf=data).pages) == 8
    target = tmp_path / "sheet.pdf"
    contact_sheet.write(paths[:3], target, "Mine", "pdf")
    assert len(PdfParser(buf=target.read_bytes()).pages) == 1


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Studio, list[str]]]:
    """A studio and the ids of 48 pictures of its library, each of noise."""
    folder = tmp_path_factory.mktemp("given")
    for number in range(48):
        recipe = resolved("a house", seed=number, side=128)
        writing.write(picture(recipe), recipe, {}, folder / f"{number}.png")
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    with Studio(settings, backend=Drawer(), durable=False) as studio:
        yield studio, list(studio.index.importer.bring([folder], COMMAND_LINE).added)


@pytest.mark.parametrize("form", ["files", "training", "html", "pdf"])
def test_what_is_fetched_as_one_file_is_made_while_it_is_sent(shelf: tuple[Studio, list[str]], form: Form):
    studio, ids = shelf
    held, sizes = {}, {}
    # The first has all loaded that is loaded once; twelve fill a page.
    for count in (1, 12, 48):
        chosen = Chosen(COMMAND_LINE.owner, tuple(ids[:count]), form, "Mine")
        tracemalloc.start()
        pieces = [len(piece) for piece in chosen.blocks(studio, COMMAND_LINE)]
        held[count], sizes[count] = tracemalloc.get_traced_memory()[1], sum(pieces)
        tracemalloc.stop()
    assert sizes[48] > 3 * sizes[12]
    assert max(pieces) <= max(contact_sheet.BLOCK, sizes[48] / 2)
    assert held[48] - held[12] < (sizes[48] - sizes[12]) / 2, "the file is not held whole"


def test_a_set_to_train_with_names_what_could_not_be_read(shelf: tuple[Studio, list[str]], tmp_path: Path):
    studio, (first, second, *_) = shelf
    paths = [entry.path for entry in studio.index.entries([first, second], COMMAND_LINE)]
    (tmp_path / "damaged.png").write_bytes(b"none")
    data = b"".join(training.zipped([tmp_path / "damaged.png", *filter(None, paths), *filter(None, paths[:1])], "zwx"))
    with zipfile.ZipFile(BytesIO(data)) as set_:
        names = set_.namelist()
        assert len([name for name in names if name.endswith(".png")]) == 3
        assert set_.read(names[1]) == b"zwx, a house\n"
        assert b"damaged.png is not a picture" in set_.read(training.LEFT_OUT)


SCRIPTS = ("ein Löwe", "家と猫", "집", "بيت أحمر", "בית (אדום)", "क्षत्रिय", "ไทยน้ำ", "Кошка", "🏠👩‍🚀👍🏽")


@pytest.mark.skipif(find_spec("manimgx_fonts_cjk") is None, reason="the packages are not installed")
@pytest.mark.parametrize("words", SCRIPTS)
def test_letters_of_any_script_are_drawn_in_a_pdf(words: str):
    lettering = Lettering(20)
    assert lettering.lacks(words) == set()
    assert note([words], 20) == ""
    page, boxes = Image.new("L", (400, 60)), Image.new("L", (400, 60))
    lettering.write(ImageDraw.Draw(page), words, (0, 0, 400, 60), "white")
    # What has no glyph is a box.
    blank = "".join(one if one == " " else "\uffff" for one in words)
    lettering.write(ImageDraw.Draw(boxes), blank, (0, 0, 400, 60), "white")
    assert page.getbbox()
    assert page.tobytes() != boxes.tobytes()


def test_words_are_read_from_the_side_of_their_script_and_signs_turn_with_them():
    right, left = Image.new("L", (400, 40)), Image.new("L", (400, 40))
    lettering = Lettering(20)
    lettering.write(ImageDraw.Draw(left), "a house", (0, 0, 400, 40), "white")
    lettering.write(ImageDraw.Draw(right), "\u05d0\u05d1 (\u05d2)", (0, 0, 400, 40), "white")
    assert (left.getbbox() or ())[0] < 20
    assert (right.getbbox() or ())[2] > 380


def test_a_script_that_no_font_here_has_is_named_with_what_helps(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    recipe = resolved("\U00012000 of clay", seed=9)  # a sign of cuneiform
    writing.write(picture(recipe), recipe, {}, tmp_path / "clay.png")
    assert main(["export", "sheet", str(tmp_path / "clay.png"), "-o", str(tmp_path / "sheet.pdf")]) == 0
    told = capsys.readouterr().err
    assert "Cuneiform" in told
    assert "HTML" in told
    assert main(["export", "sheet", str(tmp_path / "clay.png"), "-o", str(tmp_path / "sheet.html")]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pictures", "gone.png", "-o", "x"), "gone.png is not there"),
        (("sheet", "HERE", "-o", "sheet.docx"), "has the wrong ending"),
        (("sheet", "HERE", "-o", "sheet.pdf", "--columns", "0"), "not a valid number of columns"),
        (("pictures", "EMPTY", "-o", "x"), "There is no picture in there"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
):
    (tmp_path / "empty").mkdir()
    places = {"HERE": str(folder), "EMPTY": str(tmp_path / "empty"), "x": str(tmp_path / "x")}
    assert main(["export", *(places.get(one, one) for one in arguments)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_a_prompt_that_cannot_be_read_is_a_caption_as_it_stands():
    assert training.plain("a (house") == training.plain("a  (house").replace("  ", " ")


def test_a_file_that_is_no_picture_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "a.png").write_bytes(b"none")
    assert main(["export", "pictures", str(tmp_path / "a.png"), "-o", str(tmp_path / "out")]) == 2
    assert "a.png is not a picture" in capsys.readouterr().err


def test_what_is_exported_is_marked_where_the_settings_say_so(folder: Path, tmp_path: Path):
    files = pictures.export(pictures.found([folder])[:1], tmp_path / "out", Writing("jpeg", marked=True))
    assert b"trainedAlgorithmicMedia" in files[0].read_bytes()
