"""LoRAs that come into the home, checked before they land; favourites and saved presets beside them."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from os import environ
from pathlib import Path

import pytest

from studio.catalogue.lora_imports import PLACE, LoraImports, is_path
from studio.catalogue.loras import Loras
from studio.cli import main
from studio.errors import AlreadyExists, InvalidPreset, ModelError, NotFound, Refused, StudioError
from studio.presets import saving
from studio.presets.favourites import Favourites, FileNotes
from studio.presets.reading import Presets
from studio.settings import Settings
from studio.storage.database import Database
from tests.headers import Shapes, write_safetensors
from tests.people import who
from tests.small_hub import small_hub

TO_K = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
INK: Shapes = {f"{TO_K}.lora_A.weight": (4, 768), f"{TO_K}.lora_B.weight": (320, 4)}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def imports(home: Path) -> LoraImports:
    return LoraImports(Loras(Settings(home=home)))


def landed(home: Path) -> list[str]:
    return sorted(path.name for path in home.rglob("*") if path.is_file())


def test_a_file_of_this_disk_is_copied_in_and_found_at_once(home: Path, imports: LoraImports, tmp_path: Path) -> None:
    source = write_safetensors(tmp_path / "my ink.safetensors", INK)
    added = imports.add(str(source))
    assert (added.name, added.family, added.path) == ("my ink", "sd15", home / "loras" / "my ink.safetensors")
    assert added.path.read_bytes() == source.read_bytes()
    assert Loras(Settings(home=home))["my ink"].rank == 4
    assert imports.add(str(source), "ink 2").name == "ink 2"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("ink.ckpt", b"a pickle", "is a pickle, which can run any program.*Get the model as .safetensors"),
        ("ink.txt", b"text", "it is not a .safetensors file"),
        ("ink.safetensors", b"short", "is damaged"),
        ("none.safetensors", None, "cannot be read"),
    ],
)
def test_what_is_no_lora_never_lands(
    home: Path, imports: LoraImports, tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(StudioError, match=words):
        imports.add(str(tmp_path / name))
    assert landed(home) == []


def test_what_cannot_be_put_on_whole_never_lands(home: Path, imports: LoraImports, tmp_path: Path) -> None:
    model = write_safetensors(tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="is not a LoRA: none of its tensors"):
        imports.add(str(model))
    half = write_safetensors(tmp_path / "half.safetensors", {**INK, "something.else": (2, 3)})
    with pytest.raises(ModelError, match=r"cannot be read completely: 1 of its 3 tensors"):
        imports.add(str(half))
    cut = write_safetensors(tmp_path / "cut.safetensors", INK)
    cut.write_bytes(cut.read_bytes()[:-100])
    with pytest.raises(ModelError, match="is damaged: it holds"):
        imports.add(str(cut))
    assert landed(home) == []


def test_no_file_of_the_same_name_is_overwritten(home: Path, imports: LoraImports, tmp_path: Path) -> None:
    first = write_safetensors(tmp_path / "ink.safetensors", INK)
    other = write_safetensors(tmp_path / "other" / "ink.safetensors", INK, {"ss_network_alpha": "2"})
    imports.add(str(first))
    with pytest.raises(AlreadyExists, match="ink is there already: it is the same file"):
        imports.add(str(first))
    with pytest.raises(AlreadyExists, match=r"A LoRA named 'ink' already exists.*another name"):
        imports.add(str(other))
    with pytest.raises(AlreadyExists, match="A LoRA named 'sketch' already exists"):
        imports.add(str(other), "sketch")
    assert (home / "loras" / "ink.safetensors").read_bytes() == first.read_bytes()
    assert landed(home) == ["ink.safetensors"]


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "", "nul\0", "a:b"])
def test_a_name_that_is_no_file_s_is_refused(imports: LoraImports, tmp_path: Path, name: str) -> None:
    source = write_safetensors(tmp_path / ".safetensors" if not name else tmp_path / "ink.safetensors", INK)
    with pytest.raises(StudioError, match=r"cannot be called|is not a LoRA"):
        imports.add(str(source), name or None)


@pytest.mark.parametrize(
    ("what", "path", "repo", "file"),
    [
        ("owner/name", False, "owner/name", None),
        ("owner/name/sub/ink.safetensors", False, "owner/name", "sub/ink.safetensors"),
        ("https://huggingface.co/o/n/resolve/main/ink.safetensors?download=true", False, "o/n", "ink.safetensors"),
        ("https://huggingface.co/o/n/tree/main", False, "o/n", None),
        ("ink.safetensors", True, None, None),
        ("/some/where", True, None, None),
    ],
)
def test_a_path_and_a_place_of_the_hub_are_told_apart(
    what: str, path: bool, repo: str | None, file: str | None
) -> None:
    assert is_path(what) is path
    found = PLACE.fullmatch(what)
    assert (found and found["repo"], found and found["file"]) == (repo, file)


@pytest.mark.parametrize("place", ["ink", "https://elsewhere.example/o/n", "o/n/../../ink.safetensors"])
def test_what_is_neither_is_refused(imports: LoraImports, place: str) -> None:
    with pytest.raises(NotFound, match=r"neither a file on this disk nor a place on the hub.*owner/name"):
        imports.add(place)


PROGRAM = """
import json, sys
from pathlib import Path
from studio.errors import StudioError
from studio.catalogue.lora_imports import LoraImports
from studio.catalogue.loras import Loras
from studio.settings import Settings

imports = LoraImports(Loras(Settings(home=Path(sys.argv[1]))))
for what in sys.argv[2:]:
    said = []
    try:
        print(json.dumps([imports.add(what, say=said.append).name, said]))
    except StudioError as error:
        print(json.dumps([None, [str(error)]]))
"""


@pytest.fixture
def hub(tmp_path: Path, home: Path) -> Iterator[Callable[..., list[tuple[str | None, list[str]]]]]:
    """Adds from a hub on loopback, in a program of its own; gives for each its name and what was said."""
    ink = write_safetensors(tmp_path / "source.safetensors", INK).read_bytes()
    repos = {
        "some/ink": {"README.md": b"Ink", "pytorch_lora_weights.safetensors": ink},
        "some/two": {"a.safetensors": ink, "b.safetensors": ink},
        "some/old": {"ink.bin": b"a pickle"},
        "some/bad": {"bad.safetensors": b"short"},
    }
    variables = {"HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "hub")}

    def add(*places: str) -> list[tuple[str | None, list[str]]]:
        command = [sys.executable, "-c", PROGRAM, str(home), *places]
        done = subprocess.run(
            command, env=environ | variables | {"HF_ENDPOINT": address}, capture_output=True, text=True, check=True
        )
        return [(name, said) for name, said in map(json.loads, done.stdout.splitlines())]

    with small_hub(repos) as address:
        yield add


def test_a_lora_of_the_hub_lands_under_a_name_that_says_something_and_what_is_none_is_refused(
    hub: Callable[..., list[tuple[str | None, list[str]]]], home: Path
) -> None:
    refused = {
        "some/two": "some/two holds 2 files: a.safetensors, b.safetensors. Say which: some/two/a.safetensors",
        "some/old": "ink.bin is refused: a .bin file is a pickle",
        "some/bad/bad.safetensors": "is damaged",
        "some/none": "some/none cannot be downloaded: there is no some/none on the hub",
    }
    only, chosen, *others = hub("some/ink", "some/two/b.safetensors", *refused)
    assert (only[0], chosen[0]) == ("ink", "b")
    assert only[1][-1].startswith("Downloading ink: ")
    for (name, said), words in zip(others, refused.values(), strict=True):
        assert name is None
        assert words in said[0]
    assert landed(home) == ["b.safetensors", "ink.safetensors"]


def test_the_command_lists_what_it_added(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_safetensors(tmp_path / "ink.safetensors", INK)
    assert main(["loras", "--json", "--home", str(home), "add", str(source)]) == 0
    assert json.loads(capsys.readouterr().out)["added"]["name"] == "ink"
    assert main(["loras", "--json", "--home", str(home)]) == 0
    assert "ink" in {lora["name"] for lora in json.loads(capsys.readouterr().out)["loras"]}


def test_everybody_has_favourites_of_their_own_and_whoever_runs_the_studio_writes_notes() -> None:
    database = Database(None)
    me, ann, here = who("me", here=False), who("ann", here=False), who("host")
    favourites, notes = Favourites(database, "loras"), FileNotes(database, "loras")
    favourites.mark("ink", me, liked=True)
    favourites.mark("sketch", me, liked=True)
    favourites.mark("ink", me, liked=False)
    assert favourites.names(me) == {"sketch"}
    assert favourites.names(ann) == Favourites(database, "styles").names(me) == frozenset()
    notes.write("ink", " best at 0.6 ", here)
    assert FileNotes(database, "loras").all() == {"ink": "best at 0.6"}
    with pytest.raises(Refused, match="Only this studio's operator can write notes"):
        notes.write("ink", "mine", ann)
    notes.write("ink", "", here)
    assert notes.all() == {}


@pytest.mark.parametrize(
    ("text", "kept"), [('{"loras": ["ink", "ink"]}', {"ink"}), ("{", set()), ("[1]", set()), ('{"loras": 3}', set())]
)
def test_favourites_of_an_earlier_studio_are_brought_into_the_database(
    tmp_path: Path, text: str, kept: set[str]
) -> None:
    (tmp_path / "favourites.json").write_text(text)
    assert Favourites(Database.of(tmp_path), "loras").names(who("host")) == kept


def test_a_saved_preset_reads_back_as_it_was_written(home: Path) -> None:
    table = {
        "purpose": 'A "quoted" \\ line\nand \x7f another',
        "loras": [{"name": "ink", "weight": -0.5, "text_weight": None, "blocks": [1.0, 0.5]}],
    }
    path = saving.write(home, "stacks", "Ink & gold", table)
    assert path == home / "presets" / "stacks" / "ink-gold.toml"
    assert tomllib.loads(path.read_text("utf-8")) == {
        "name": "Ink & gold",
        "purpose": table["purpose"],
        "loras": [{"name": "ink", "weight": -0.5, "blocks": [1.0, 0.5]}],
    }
    presets = Presets(home / "presets")
    assert presets.stacks["ink-gold"].loras[0].blocks == (1.0, 0.5)
    saving.write(home, "stacks", "Second", {"loras": [{"name": "ink"}]})
    presets.refresh()
    assert presets.stacks["second"].name == "Second"
    saving.remove(home, "stacks", "ink-gold")
    presets.refresh()
    assert "ink-gold" not in presets.stacks


def test_a_preset_of_another_name_is_not_overwritten_and_a_shipped_one_not_deleted(home: Path) -> None:
    saving.write(home, "stacks", "Ink", {"loras": [{"name": "ink"}]})
    saving.write(home, "stacks", "Ink", {"loras": [{"name": "other"}]})
    with pytest.raises(AlreadyExists, match=r"ink\.toml is the preset 'Ink'"):
        saving.write(home, "stacks", "INK!", {})
    with pytest.raises(InvalidPreset, match="is not a valid preset name"):
        saving.write(home, "stacks", "../..", {})
    for name in ("starter-ink-wash", "../stacks/ink"):
        with pytest.raises(NotFound, match="There is no saved preset"):
            saving.remove(home, "stacks", name)


def test_a_wrong_key_of_a_stack_is_named_with_its_line(home: Path) -> None:
    path = saving.write(home, "stacks", "Ink", {"loras": [{"name": "ink"}, {"name": "gold", "wieght": 1}]})
    (fault,) = Presets(home / "presets").faults.values()
    assert "ink.toml, line 4: there is no key `wieght`" in fault.message
    path.write_text('name = "Ink"\nloras = [\n{ name = "ink", weight = 30 },\n]\n')
    (fault,) = Presets(home / "presets").faults.values()
    assert re.search(r"line 2: `loras\.0\.weight`: .*10 or less", fault.message)
