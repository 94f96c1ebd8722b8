"""Whatever is wrong with what a person gives, no library's own words are printed: only what is wrong, and the cure."""

import re
from pathlib import Path

import pytest

from studio.cli import main

FOREIGN = (
    "Errno", "Expecting", "validation error", "pydantic", "codec", "cannot identify", "Traceback", "Input should",
    "unable to parse", "EnvSettingsSource", "unexpected end of data", "Error(", "NoneType", "Invalid ",
)  # fmt: skip

FAULTS: dict[str, tuple[str, bytes, list[str], str]] = {
    "a picture of text": ("given.png", b"hello", ["generate", "x", "--init", "FILE"], "--init"),
    "a picture that is cut": ("given.png", b"\x89PNG\r\n\x1a\n\0\0", ["generate", "x", "--init", "FILE"], "--init"),
    "a folder as picture": ("", b"", ["generate", "x", "--init", "FILE"], "--init"),
    "a mask of text": ("mask.png", b"hello", ["generate", "x", "--mask", "FILE"], "--mask"),
    "a picture that tells nothing": ("like.png", b"\x89PNG\r\n\x1a\n\0\0", ["generate", "--like", "FILE"], "like.png"),
    "a folder that tells nothing": ("", b"", ["generate", "--like", "FILE"], "permissions"),
    "a style with an open quote": ("s.csv", b'name,prompt\nA,"x\n', ["presets", "import", "FILE"], "quote"),
    "styles of no JSON": ("s.json", b"[{", ["presets", "import", "FILE"], "JSON"),
    "settings of no TOML": ("home/settings.toml", b"port = [", ["models"], "settings.toml"),
    "a port of words": ("home/settings.toml", b'port = "x"', ["models"], "port .*no whole number"),
    "a port that is too large": ("home/settings.toml", b"port = 99999", ["models"], "port .*or less"),
    "a device of words": ("home/settings.toml", b"device = 3", ["models"], "device"),
    "prompts of no text": (
        "p.txt",
        b"\xff\xfe\xfd",
        ["compare", "--models", "starter", "--prompts", "FILE"],
        "--prompts.*UTF-8",
    ),
    "prompts of a folder": ("", b"", ["compare", "--models", "starter", "--prompts", "FILE"], "--prompts"),
}


@pytest.mark.parametrize(("name", "data", "argv", "says"), FAULTS.values(), ids=FAULTS)
def test_no_library_speaks_to_a_person(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, data: bytes,
    argv: list[str], says: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    if name:
        file.write_bytes(data)
    out = ["--out", str(tmp_path / "out")] if argv[0] in ("generate", "compare") else []
    try:
        code = main([str(file) if word == "FILE" else word for word in argv] + out)
    except SystemExit as error:
        code = int(error.code or 0)
    told = "".join(capsys.readouterr())
    assert code
    assert not [words for words in FOREIGN if words in told], told
    assert re.search(says, told), told


def test_a_variable_of_the_environment_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path))
    monkeypatch.setenv("STUDIO_PORT", "many")
    assert main(["models"]) == 2
    told = capsys.readouterr().err
    assert "port (STUDIO_PORT): it is no whole number" in told
