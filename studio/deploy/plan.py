"""What goes onto a Space: files from a list, with their sizes; nothing that is not on the list.

The person's pictures, settings and keys live in the data folder, of which only LoRAs and model presets that were asked
for by name go along.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from studio.catalogue.loras import Loras
from studio.catalogue.models import Catalogue, Model
from studio.catalogue.named_files import NOTES, PICTURES, beside
from studio.deploy.card import card
from studio.deploy.hub import SECRET
from studio.deploy.request import CHOSEN, KEYS, STARTER, DeployRequest
from studio.errors import InvalidDeployment
from studio.hub import in_words
from studio.settings import PRESETS, Settings

ROOT = PRESETS.parent
SINGLE = ("app.py", "requirements.txt", "LICENSE")
# Of these folders, files with these endings, or names without one.
FOLDERS = {
    "studio": (".css", ".js", ".py", ".ts", ".txt"),
    "presets": (".toml", ".json", ".txt", ".webp"),
    "assets": ("NOTICE", ".css", ".html", ".json", ".md", ".safetensors", ".svg", ".txt", ".webp", ".woff2"),
}
MODELS = "presets/models/"
LORAS = "assets/starter/loras/"
LIMIT_BYTES = 100_000_000


@dataclass(frozen=True)
class Item:
    """A file of the Space: `source` is where it lies, or what is in it."""

    path: str
    source: Path | bytes
    size_bytes: int

    def read(self) -> bytes:
        """What is in it."""
        return self.source.read_bytes() if isinstance(self.source, Path) else self.source


@dataclass(frozen=True)
class Plan:
    """All files of a Space, in the order of their paths."""

    request: DeployRequest
    readme: str
    items: tuple[Item, ...]

    @property
    def size_bytes(self) -> int:
        """What they come to."""
        return sum(item.size_bytes for item in self.items)

    def check_secret(self, secrets: Iterable[SecretStr]) -> None:
        """InvalidDeployment where a file holds one of these, or what looks like a key."""
        values = [secret.get_secret_value() for secret in secrets]
        needles = [value.encode() for value in values if len(value) >= SECRET]
        for item in self.items:
            content = item.read()
            # Weights are random bytes: patterns are for texts.
            looks = KEYS.search(content) if b"\0" not in content[:4096] else None
            if looks or any(secret in content for secret in needles):
                raise InvalidDeployment(
                    f"{item.path} contains what looks like a key.", "Remove it from the file first."
                )


def draw_up(request: DeployRequest, settings: Settings, root: Path = ROOT) -> Plan:
    """The plan of this order; InvalidDeployment where something in it cannot be.

    `root` is the project's folder.
    """
    request.check()
    catalogue = Catalogue(settings)
    models = [_hosted(catalogue, name) for name in request.models]
    items = {item.path: item for item in _project(root)}
    offered = {STARTER, *request.models}
    if (chosen := request.environment.get(CHOSEN, STARTER)) not in offered:
        raise InvalidDeployment(f"{CHOSEN} is {chosen}, which is not on the Space.", "Add it to the models as well.")
    for path in [path for path in items if path.startswith(MODELS) and Path(path).stem not in offered]:
        del items[path]
    for model in models:
        own = settings.home / "models" / f"{model.id}.toml"
        if own.is_file():
            items[f"{MODELS}{own.name}"] = _item(f"{MODELS}{own.name}", own)
    items |= {item.path: item for item in _loras(request, settings)}
    readme = card(request, models)
    items["README.md"] = Item("README.md", readme.encode(), len(readme.encode()))
    plan = Plan(request, readme, tuple(items[path] for path in sorted(items)))
    if plan.size_bytes > LIMIT_BYTES:
        raise InvalidDeployment(
            f"The files come to {in_words(plan.size_bytes)}; a Space of the studio may have {in_words(LIMIT_BYTES)}.",
            "Leave out LoRAs, or load them from a model repository.",
        )
    return plan


def _project(root: Path) -> Iterator[Item]:
    for name in SINGLE:
        if not (root / name).is_file():
            raise InvalidDeployment(
                f"{name} is not in {root}.", "Deploy from a complete copy of the project, not an installed one."
            )
        yield _inside(root, root / name)
    for folder, endings in FOLDERS.items():
        for path in sorted((root / folder).rglob("*")):
            hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(root).parts)
            if (path.suffix or path.name) in endings and not hidden and path.is_file():
                yield _inside(root, path)


def _inside(root: Path, path: Path) -> Item:
    if not path.resolve().is_relative_to(root.resolve()):
        name = path.relative_to(root).as_posix()
        raise InvalidDeployment(
            f"{name} is a link to something outside the project.", "Put the file itself there, or remove it."
        )
    return _item(path.relative_to(root).as_posix(), path)


def _item(name: str, path: Path) -> Item:
    return Item(name, path, path.stat().st_size)


def _hosted(catalogue: Catalogue, name: str) -> Model:
    """A model that a Space can load: one of the hub, or the embedded one."""
    model = catalogue[name]
    if model.repo is None and name != STARTER:
        raise InvalidDeployment(
            f"{model.name} is on this disk only.",
            "Upload it to a model repository and name that in its .toml file (repo = ...), or leave it out.",
        )
    return model


def _loras(request: DeployRequest, settings: Settings) -> Iterator[Item]:
    """The asked LoRAs with their notes and pictures."""
    known = Loras(settings) if request.loras else {}
    for name in request.loras:
        file = known[name]
        for path in (file.path, beside(file.path, NOTES), beside(file.path, PICTURES)):
            if path:
                yield _item(f"{LORAS}{name}{path.suffix}", path)
