from pathlib import Path

import pytest

from studio.errors import InvalidSetting
from studio.settings import FOLDERS, Settings


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path))


def test_an_argument_comes_before_the_environment_before_the_file_before_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert Settings.load().port == 7860
    (tmp_path / "settings.toml").write_text("port = 1\n")
    assert Settings.load().port == 1
    monkeypatch.setenv("STUDIO_PORT", "2")
    assert Settings.load().port == 2
    assert Settings.load(port=3).port == 3
    assert Settings.load(port=None).port == 2


def test_the_file_is_read_from_the_home_that_was_given(tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "settings.toml").write_text("port = 5\n")
    assert Settings.load(home=other).port == 5
    assert Settings.load().port == 7860


def test_an_empty_variable_counts_as_not_given(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STUDIO_PORT", "")
    assert Settings.load().port == 7860


def test_a_misspelt_variable_is_an_error_that_lists_the_right_ones(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STUDIO_PROT", "1")
    with pytest.raises(InvalidSetting, match=r"STUDIO_PROT .*STUDIO_PORT"):
        Settings.load()


def test_a_fault_names_the_setting_and_where_it_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(InvalidSetting, match=r"port \(the argument\)"):
        Settings.load(port=-1)
    (tmp_path / "settings.toml").write_text('device = "abacus"\n')
    with pytest.raises(InvalidSetting, match=r"device \(settings.toml\)"):
        Settings.load()
    monkeypatch.setenv("STUDIO_DEVICE", "abacus")
    with pytest.raises(InvalidSetting, match=r"device \(STUDIO_DEVICE\)"):
        Settings.load()


def test_an_unknown_name_in_the_file_is_an_error(tmp_path: Path):
    (tmp_path / "settings.toml").write_text("prot = 1\n")
    with pytest.raises(InvalidSetting, match=r"prot \(settings.toml\) is not a setting.*port"):
        Settings.load()


@pytest.mark.parametrize("text", [b"port = ", b"\xff", b"port = " + b"[" * 5000])
def test_a_damaged_file_is_an_error(tmp_path: Path, text: bytes):
    (tmp_path / "settings.toml").write_bytes(text)
    with pytest.raises(InvalidSetting, match=r"settings.toml (is not|is nested)"):
        Settings.load()


def test_the_folders_are_made_when_asked_for(tmp_path: Path):
    settings = Settings.load()
    assert list(tmp_path.iterdir()) == []
    for name in FOLDERS:
        assert settings.folder(name).is_dir()
    with pytest.raises(KeyError):
        settings.folder("elsewhere")


def test_a_home_that_cannot_be_is_an_error_with_the_cure(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InvalidSetting, match="--home"):
        Settings.load(home=tmp_path / "file").folder("images")
