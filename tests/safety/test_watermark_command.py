"""`studio watermark`: a picture that was sent on is found in the library again."""

import json
from pathlib import Path

import pytest
from PIL import Image

from studio.cli import main
from studio.gate.identity import COMMAND_LINE
from studio.library import facts
from studio.recipe import Recipe
from studio.safety.layer import WATERMARK
from studio.settings import Settings
from studio.studio import Studio
from tests.drawer import Drawer


def test_a_picture_that_was_sent_on_is_found_in_the_library_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, sent = Settings(home=tmp_path, watermark="on"), tmp_path / "sent.jpg"
    with Studio(settings, backend=Drawer(), durable=False) as studio:
        recipe = Recipe.make(prompt="a house", width=256, height=256, steps=2)
        job = studio.submit(recipe, COMMAND_LINE)
        list(job.follow())
        path = job.results[0].path
    Image.open(path).convert("RGB").resize((200, 200)).save(sent, quality=75)
    assert main(["watermark", str(sent), "--home", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"Watermark {facts(path)[WATERMARK]}", str(path)]
    assert main(["watermark", str(sent), "--json", "--home", str(tmp_path / "elsewhere")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["watermark"], told["files"]) == (facts(path)[WATERMARK], [])


def test_a_picture_without_a_watermark_ends_in_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.linear_gradient("L").save(tmp_path / "plain.png")
    arguments = ["watermark", str(tmp_path / "plain.png"), "--home", str(tmp_path)]
    assert main(arguments) == 3
    assert capsys.readouterr().out == "No watermark is found in it.\n"
    assert main([*arguments, "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["watermark"] is None
    (tmp_path / "plain.png").write_bytes(b"no picture")
    assert main(arguments) == 2
