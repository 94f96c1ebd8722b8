"""What the documents say is so: commands, options, targets, settings, layers and links exist, and none is left out."""

import importlib
import re
from pathlib import Path

import pytest

import studio
from benchmarks import BENCHMARKS
from studio.cli import COMMANDS, parser
from studio.settings import Settings
from tests.test_layers import LAYERS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
FOLDERS = ("docs", "benchmarks", "assets")
DOCUMENTS = [*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))]
TEXT = "\n".join(path.read_text("utf-8") for path in DOCUMENTS)
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def test_each_command_named_exists_and_each_is_documented():
    named = set(re.findall(r"(?:`|bin/|^    )studio ([a-z]+)", TEXT, re.MULTILINE))
    assert named <= set(COMMANDS)
    assert set(re.findall(r"^\| `studio ([a-z]+)", README, re.MULTILINE)) == set(COMMANDS)


def test_each_target_named_exists_and_each_is_documented():
    assert set(re.findall(r"(?:`|^    )make ([a-z]+)", README, re.MULTILINE)) == TARGETS - {"help"}
    assert set(re.findall(r"`make ([a-z]+)", TEXT)) <= TARGETS


def test_each_option_named_exists():
    known = set().union(*(re.findall(r"--[a-z-]+", parser_of(name).format_help()) for name in COMMANDS))
    assert set(re.findall(r"(?<=[`\" ])--[a-z][a-z-]+", README)) <= known


def parser_of(name: str):
    (commands,) = (action.choices for action in parser()._actions if action.dest == "command")
    return commands[name]


def test_the_settings_table_is_whole():
    assert set(re.findall(r"STUDIO_[A-Z_]+", README)) == {f"STUDIO_{name.upper()}" for name in Settings.model_fields}


def test_the_architecture_page_places_each_layer():
    table = re.search(r"^## Where things are$(.*?)^## ", ARCHITECTURE, re.MULTILINE | re.DOTALL)
    assert table
    first_cells = "".join(re.findall(r"^\|([^|]+)\|", table[1], re.MULTILINE))
    assert [name.rstrip("/") for name in re.findall(r"`([a-z_.]+/?)`", first_cells)] == [
        name for name in LAYERS if name != "__main__"
    ]


def test_the_benchmarks_page_has_a_row_for_each():
    page = (ROOT / "benchmarks" / "README.md").read_text("utf-8")
    assert set(re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE)) == set(BENCHMARKS)


def test_the_changelog_knows_this_version():
    assert f"## [{studio.__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path):
    targets = re.findall(r"\]\(([^)#\s]+)", path.read_text("utf-8"))
    assert [target for target in targets if "://" not in target and not (path.parent / target).exists()] == []


def test_each_picture_of_the_docs_is_shown_in_one_and_can_be_taken_again():
    pictures = {path.stem for path in (ROOT / "docs" / "images").glob("*.webp")}
    assert pictures == set(re.findall(r"images/([\w-]+)\.webp\)", TEXT))
    taken = re.findall(r"^@shot\ndef (\w+)", (ROOT / "tests/browser/screenshots.py").read_text("utf-8"), re.MULTILINE)
    assert pictures == {name.replace("_", "-") for name in taken}


def test_what_the_docs_call_by_its_place_in_the_code_is_there():
    places = set(re.findall(r"`(studio(?:\.[a-z_]+)+)\.([a-z_]+)\(", TEXT))
    assert places
    for module, name in places:
        assert callable(getattr(importlib.import_module(module), name)), f"{module}.{name}"
