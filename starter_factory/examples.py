"""The pictures of the studio's examples and of the starter's styles, painted by the studio's own commands."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image as Pictures

from studio.cli import main
from studio.presets.examples import FOLDER, Example, examples
from studio.settings import PRESETS

MODEL = "starter"
STYLES = PRESETS / "styles"
QUALITY = 92


def paint_examples() -> Iterator[Path]:
    """Paint what comes of each example of the starter and each of its styles that has a picture; the files, as written.

    What an example starts from stays as it is. Raises RuntimeError where a command fails.
    """
    with TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        for one in examples():
            if one.model == MODEL and one.use != "inpaint":
                made = Path(folder) / one.id
                _studio("generate", one.prompt, *_settings(one), "--out", str(made), "--home", str(home))
                target = PRESETS / FOLDER / f"{one.id}.webp"
                with Pictures.open(next(made.rglob("*.png"))) as picture:
                    picture.convert("RGB").save(target, quality=QUALITY, method=6)
                yield target
        names = [path.stem for path in sorted(STYLES.glob(f"{MODEL}-*.webp"))]
        _studio("previews", *names, "--model", MODEL, "--home", str(home))
        for name in names:
            yield Path(shutil.copy(home / "presets" / "styles" / f"{name}.webp", STYLES))


def _settings(one: Example) -> Iterator[str]:
    yield from ("--model", one.model, "--seed", str(one.seed))
    if one.use == "img2img":
        yield from ("--init", str(one.source), "--strength", str(one.strength))
    if one.use == "control":
        yield from ("--control", f"{one.control}={one.source}")


def _studio(*arguments: str) -> None:
    if code := main(arguments):
        raise RuntimeError(f"studio {' '.join(arguments)} ended with {code}.")
