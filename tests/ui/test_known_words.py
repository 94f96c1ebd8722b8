"""The list of words that a small model knows, and their pictures: squares of one sheet."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio.studio import Studio
from studio.ui import gallery
from tests.headers import write_json

PICTURES = {"file": "words.webp", "columns": 2, "words": ["boat", "house", "cat"]}


def told(studio: Studio, folder: Path, pictures: Any) -> Any:
    write_json(folder / "vocabulary.json", {"words": ["a"], "groups": {"things": ["boat"]}, "pictures": pictures})
    return gallery.about(studio.catalogue["starter"].model_copy(update={"folder": folder}), studio)


def test_words_come_with_the_sheet_of_their_pictures(studio: Studio, tmp_path: Path) -> None:
    sheet = tmp_path / "words.webp"
    Image.new("RGB", (128, 128), "red").save(sheet)
    shown = told(studio, tmp_path, PICTURES)["pictures"]
    assert (shown["columns"], shown["words"]) == (2, ["boat", "house", "cat"])
    assert shown["address"]
    sheet.unlink()
    assert told(studio, tmp_path, PICTURES)["pictures"] is None
    assert told(studio, tmp_path, None)["knows"] == {"things": ["boat"]}


@pytest.mark.parametrize("pictures", [PICTURES | {"file": "../words.webp"}, PICTURES | {"columns": 0}])
def test_a_list_that_names_a_file_elsewhere_is_damaged_and_shown_nowhere(
    studio: Studio, tmp_path: Path, pictures: Any
) -> None:
    facts = told(studio, tmp_path, pictures)
    assert (facts["knows"], facts["pictures"]) == ({}, None)
