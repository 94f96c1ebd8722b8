"""Art of things under free licences: fetched from npm packages once, rendered once, kept in a cache folder.

Three sets show the same things: `flat` (Fluent Emoji Flat, MIT), `detailed` (Noto Emoji, Apache-2.0) and `3d` (Fluent
Emoji 3D, MIT).
"""

import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from starter_factory.things import THINGS

SETS = ("flat", "detailed", "3d")
SIDE = 192
PACKAGES: Mapping[str, str] = {
    "flat": "@iconify-json/fluent-emoji-flat@1.2.6",
    "detailed": "@iconify-json/noto@1.2.9",
    "3d": "@lobehub/fluent-emoji-3d@1.1.0",
}
# The variation selector that some code points carry and some file names lack.
EMOJI_STYLE = "-fe0f"


class ArtError(RuntimeError):
    """The art is not there and cannot be made; the message says what to do."""


def cache_folder() -> Path:
    """Where art lies: `STARTER_FACTORY_CACHE`, else a folder of the user's own cache."""
    chosen = os.environ.get("STARTER_FACTORY_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(chosen) if chosen else Path(base).expanduser() / "starter-factory"


def make_art() -> Path:
    """Fetch and render what the cache lacks; returns the file of sprites, (things, sets, side, side, 4) RGBA."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES.values():
        _fetch(package, folder)
    path = folder / "sprites.npy"
    names = list(THINGS)
    listed = folder / "sprites.json"
    if not path.exists() or json.loads(listed.read_text(encoding="utf-8")) != names:
        sprites = np.stack([np.stack([render(name, of) for of in SETS]) for name in names])
        np.save(path, sprites)
        listed.write_text(json.dumps(names), encoding="utf-8")
    return path


def load_art() -> NDArray[np.uint8]:
    """The rendered sprites, mapped into memory. Raises ArtError where they were never made."""
    path = cache_folder() / "sprites.npy"
    try:
        names = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtError(f"There is no art in {path.parent}: run `python -m starter_factory art` once.") from error
    if names != list(THINGS):
        raise ArtError("The things have changed since their art was rendered: run `python -m starter_factory art`.")
    return np.asarray(np.load(path, mmap_mode="r"))


def render(name: str, of: str) -> NDArray[np.uint8]:
    """One thing of one set, (side, side, 4) RGBA; all transparent where the set has no such thing."""
    icon = THINGS[name].art
    if icon is None:
        return np.zeros((SIDE, SIDE, 4), np.uint8)
    if of == "3d":
        picture = Picture.open(_path_3d(icon)).convert("RGBA").resize((SIDE, SIDE), Picture.Resampling.LANCZOS)
        return np.asarray(picture)
    icons = _icons(of)
    return _svg(icons["icons"][icon]["body"], icons["width"])


def _fetch(package: str, folder: Path) -> None:
    target = _unpacked(package, folder)
    if target.exists():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise ArtError(f"{package} is not in {folder} and there is no npm to fetch it: install npm (Debian: npm).")
    command = [npm, "pack", "--silent", package]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ArtError(f"npm could not fetch {package}: {done.stderr.strip()}")
    archive = folder / done.stdout.strip().splitlines()[-1]
    with tarfile.open(archive) as file:
        file.extractall(target, filter="data")
    archive.unlink()


def _unpacked(package: str, folder: Path) -> Path:
    return folder / package.strip("@").replace("/", "-").replace("@", "-")


@cache
def _icons(of: str) -> dict[str, Any]:
    path = _unpacked(PACKAGES[of], cache_folder()) / "package" / "icons.json"
    icons: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return icons


@cache
def _code_points() -> dict[str, str]:
    path = _unpacked(PACKAGES["detailed"], cache_folder()) / "package" / "chars.json"
    points = json.loads(path.read_text(encoding="utf-8"))
    return {name: point for point, name in reversed(points.items())}


def _path_3d(icon: str) -> Path:
    folder = _unpacked(PACKAGES["3d"], cache_folder()) / "package" / "assets"
    point = _code_points()[icon]
    spellings: Iterable[str] = (point, point + EMOJI_STYLE, point.replace(EMOJI_STYLE, ""))
    for spelling in spellings:
        path = folder / f"{spelling}.webp"
        if path.exists():
            return path
    raise ArtError(f"{PACKAGES['3d']} has no picture of {icon} ({point}).")


def _svg(body: str, width: int) -> NDArray[np.uint8]:
    rsvg = shutil.which("rsvg-convert")
    if rsvg is None:
        raise ArtError("There is no rsvg-convert to render the art: install it (Debian: librsvg2-bin).")
    head = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    text = f'{head} viewBox="0 0 {width} {width}">{body}</svg>'
    command = [rsvg, "-w", str(SIDE), "-h", str(SIDE)]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)  # noqa: S603
    return np.asarray(Picture.open(io.BytesIO(done.stdout)).convert("RGBA"))
