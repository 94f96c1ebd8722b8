"""Other people's pictures are read within one bound of pixels, by one door."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio import inputs as bounds
from studio import room
from studio.errors import StudioError
from studio.settings import Settings
from studio.studio import UPLOADS, Studio
from studio.ui import editor, import_panel
from studio.ui.pictures import thumbnail
from tests.sources import STUDIO, naming
from tests.ui.painter import Painter

# Who opens pictures, and why it need not be by the door.
OPENS = {
    "inputs.py": "the door itself",
    "metadata/file_texts.py": "reads the head alone",
    "metadata/own.py": "reads the head alone",
    "metadata/stealth.py": "bounded; whoever calls it holds room",
    "api/a1111_pictures.py": "made by the studio",
    "api/pictures.py": "made by the studio",
    "export/pictures.py": "in the library, or of whoever runs the command",
    "filmstrip.py": "made by the studio",
    "replay/replay.py": "in the library, or of whoever runs the command",
    "backends/provider.py": "holds room by itself: its errors are others",
    "hosted/providers/openai.py": "brought by the door before, and stored",
    "training/pictures.py": "of whoever trains, at this machine",
    "cli/previews.py": "of whoever runs the command",
    "cli/control.py": "made by the studio",
    "cli/generate.py": "made by the studio",
    "compare/store.py": "made by the studio",
    "library/alike.py": "made by the studio",
    "library/facts.py": "reads the head alone",
    "library/files.py": "made by the studio",
    "safety/card.py": "a look at a picture in the making, as small as those are",
    "scorer.py": "made by the studio",
    "sheets.py": "made by the studio",
    "ui/pictures.py": "made by the studio",
    "ui/tabs/arena.py": "made by the studio",
    "verify/bare.py": "made by the studio",
    "verify/cases.py": "made by the studio, or of whoever runs the command",
    "verify/comparing.py": "made by the studio",
}


def brought(studio: Studio, path: Path) -> Any:
    """The event of a file that was uploaded."""
    return import_panel.Brought(None, {"path": str(path), "name": path.name})


def drawn(studio: Studio, path: Path) -> str:
    """A small copy, whose absence is no error on the page."""
    if not (address := thumbnail(studio, path, 64)):
        raise StudioError("Too many large pictures are being read at once, or too large a one.", "")
    return address


Reader = Callable[[Studio, Path], Any]
READERS: dict[str, Reader] = {
    "a picture to start from": lambda studio, path: studio.inputs.add(path),
    "a mask": lambda studio, path: studio.inputs.add_mask(path),
    "a painted layer": lambda studio, path: editor.read_layer(studio.inputs, path),
    "what a picture says": lambda studio, path: import_panel.read_settings(studio, brought(studio, path)),
    "a picture of a style or LoRA": drawn,
}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with Studio(Settings.load(home=tmp_path_factory.mktemp("home")), backend=Painter(), durable=False) as studio:
        yield studio


@pytest.fixture
def picture(studio: Studio) -> Path:
    """One that says how it was made, where uploads lie."""
    folder = studio.settings.home / UPLOADS / "one"
    folder.mkdir(parents=True, exist_ok=True)
    says = PngInfo()
    says.add_text("parameters", "a boat\nSteps: 5, Sampler: Euler, CFG scale: 3, Seed: 1, Size: 64x64")
    pixels = Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8))
    pixels.save(folder / "a.png", pnginfo=says)
    return folder / "a.png"


def opening(tree: ast.Module) -> bool:
    """Whether a module of the package calls Pillow's `Image.open`."""
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(ast.unparse(call) in ("Image.open", "PIL.Image.open") for call in calls)


def test_pictures_are_opened_where_it_is_known_why() -> None:
    found = {path.relative_to(STUDIO).as_posix() for path, tree in naming(r"Image\s*\.\s*open") if opening(tree)}
    assert found == set(OPENS)


@pytest.mark.parametrize("reads", READERS)
def test_whoever_reads_other_people_s_pictures_waits_for_room(
    studio: Studio, picture: Path, monkeypatch: pytest.MonkeyPatch, reads: str
) -> None:
    monkeypatch.setattr(room, "PATIENCE_SECONDS", 0.01)
    with studio.inputs.room.of(bounds.ROOM_PIXELS), pytest.raises(StudioError, match="Too many large pictures"):
        READERS[reads](studio, picture)
    READERS[reads](studio, picture)


@pytest.mark.parametrize("reads", [name for name in READERS if name != "what a picture says"])
@pytest.mark.parametrize("size", [(1, 2**14 + 1), (9000, 9000)])
def test_what_is_larger_than_any_that_is_taken_is_refused_by_its_header(
    studio: Studio, tmp_path: Path, reads: str, size: tuple[int, int]
) -> None:
    Image.new("1", size).save(tmp_path / "large.png")
    with pytest.raises(StudioError, match=r"pixels|large"):
        READERS[reads](studio, tmp_path / "large.png")
