import cv2
import pytest

from starter_factory.__main__ import main
from starter_factory.art import ArtError, load_art
from starter_factory.draw import SIDE


def test_a_sheet_of_the_world_is_written_with_its_captions(monkeypatch, tmp_path, capsys):
    sheet = tmp_path / "world.webp"
    monkeypatch.setattr("sys.argv", ["starter_factory", "world", "--sheet", str(sheet), "--count", "3"])
    main()
    assert cv2.imread(str(sheet)).shape == (SIDE, 8 * SIDE, 3)
    assert len(capsys.readouterr().out.strip().splitlines()) == 3


def test_art_that_is_missing_says_which_command_makes_it(monkeypatch, tmp_path):
    monkeypatch.setenv("STARTER_FACTORY_CACHE", str(tmp_path))
    with pytest.raises(ArtError, match="python -m starter_factory art"):
        load_art()


def test_a_missing_npm_is_told_with_the_package_that_needs_it(monkeypatch, tmp_path):
    monkeypatch.setenv("STARTER_FACTORY_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.argv", ["starter_factory", "art"])
    with pytest.raises(SystemExit, match=r"no npm to fetch it: install npm"):
        main()
