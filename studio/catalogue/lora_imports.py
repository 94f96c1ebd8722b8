"""LoRAs brought into the home from a disk or the hub: checked before they land, there whole or not at all."""

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from studio import hub, transfer
from studio.atomic_files import AtomicFolder
from studio.catalogue.loras import LoraFile, Loras
from studio.catalogue.tensor_files import PICKLES, refuse_pickle
from studio.errors import AlreadyExists, AmbiguousModel, InvalidRequest, NotFound, UnsupportedModel
from studio.hub import Say, silent

ENDING = ".safetensors"
# owner/name, owner/name/file.safetensors, or the address of either.
PLACE = re.compile(
    r"(?:https?://huggingface\.co/)?(?P<repo>[\w.-]+/[\w.-]+?)"
    r"(?:/(?:(?:resolve|blob|raw|tree)/[^/?]+/?)?(?P<file>[^?]+\.\w+)?)?/?(?:\?.*)?"
)
# What trainers call every file; the repository's name says more.
COMMON = frozenset({"pytorch_lora_weights", "adapter_model", "lora", "model", "diffusion_pytorch_model"})


@dataclass(frozen=True)
class HubFile:
    """A LoRA file of a repository of the hub, and its bytes; 0 where the hub does not say."""

    repo: str
    file: str
    bytes: int


class LoraImports:
    """Brings LoRAs into the folder where people put theirs; nothing there is ever overwritten."""

    def __init__(self, loras: Loras) -> None:
        self._loras = loras
        self._lock = Lock()

    def add(self, what: str, name: str | None = None, say: Say = silent, *, agreed: bool = False) -> LoraFile:
        """Add the file of this path, or of this place on the hub, under `name` (default: its own).

        Raises ModelError where it is no LoRA that can be put on, its name is taken, or it takes gigabytes that nobody
        `agreed` to, StorageError from the disk.
        """
        if is_path(what):
            return self.add_file(Path(what).expanduser(), name)
        found = self.find(what)
        if not agreed:
            hub.check_agreed([found.file], found.bytes)
        return self.add_from_hub(found, name, say)

    def add_file(self, source: Path, name: str | None = None) -> LoraFile:
        """Add a copy of this file; raises as `add`."""
        return self._land(source, _named(name or source.stem, source))

    def find(self, place: str) -> HubFile:
        """The file that owner/name or owner/name/file.safetensors is on the hub; ModelError where there is none."""
        found = PLACE.fullmatch(place.strip())
        if not found or ".." in place:
            raise NotFound(
                f"{place!r} is neither a file on this disk nor a place on the hub.",
                "Give a path, or owner/name, or owner/name/file.safetensors.",
            )
        repo = found["repo"]
        sizes = hub.sizes(repo, repo)
        file = found["file"] or _only(repo, [*sizes])
        return HubFile(repo, file, sizes.get(file, 0))

    def add_from_hub(self, found: HubFile, name: str | None = None, say: Say = silent) -> LoraFile:
        """Add a file of the hub; raises as `add`. Whatever `say` raises ends it, and nothing of it stays."""
        repo, file = found.repo, found.file
        stem = Path(file).stem
        wanted = _named(name or (repo.rpartition("/")[2] if stem in COMMON else stem), Path(file))
        self.check_free(wanted)
        # It is hidden, so that nothing in it is taken for a LoRA.
        waiting = self._loras.folder / ".arriving" / f"{repo} {wanted}".replace("/", "--")
        try:
            (path,) = transfer.fetch(wanted, repo, lambda _: [file], say, folder=waiting)
            return self._land(path, wanted)
        finally:
            shutil.rmtree(waiting, ignore_errors=True)

    def _land(self, source: Path, name: str) -> LoraFile:
        """Copy a file in, once its header is found to be that of a LoRA."""
        found = self._loras.read(name, source)
        if fault := found.why_not():
            raise fault
        with self._lock:
            self.check_free(name, source)
            target = self._loras.folder / f"{name}{ENDING}"
            with source.open("rb") as file:
                AtomicFolder(self._loras.folder).write(target, lambda copy: shutil.copyfileobj(file, copy, 2**20))
            self._loras.refresh()
        return replace(found, path=target)

    def check_free(self, name: str, source: Path | None = None) -> None:
        """AlreadyExists where the name is taken: the folder may hold it, or the starter, or a sub-folder."""
        self._loras.refresh()
        if name not in self._loras and name not in self._loras.faults:
            return
        if name in self._loras and source and self._is_same(self._loras[name], source):
            raise AlreadyExists(f"{name} is there already: it is the same file.", "There is nothing to do.")
        raise AlreadyExists(
            f"A LoRA named {name!r} already exists.", "Give this one another name; nothing is overwritten."
        )

    def _is_same(self, there: LoraFile, source: Path) -> bool:
        digest = self._loras.digest
        return there.bytes == source.stat().st_size and digest(there.path) == digest(source)


def is_path(what: str) -> bool:
    """Whether this is meant as a file of this disk, and not as a place on the hub."""
    path = Path(what).expanduser()
    alone = path.suffix in (ENDING, *PICKLES) and what.count("/") <= 1
    return path.is_absolute() or alone or path.is_file()


def _named(name: str, source: Path) -> str:
    """The name that a file is to have; ModelError where it is no .safetensors file, or cannot be called so."""
    refuse_pickle(source)
    if source.suffix.lower() != ENDING:
        raise UnsupportedModel(f"{source.name} is not a LoRA: it is not a {ENDING} file.", f"Get it as {ENDING}.")
    plain = name.strip().removesuffix(ENDING)
    if not plain or plain.startswith(".") or re.search(r'[/\\:*?"<>|\x00-\x1f]', plain):
        raise InvalidRequest(
            f"A LoRA cannot be called {plain!r}.", "Give it a name of letters, digits, spaces, - and _."
        )
    return plain


def _only(repo: str, files: list[str]) -> str:
    """The one LoRA file of a repository; ModelError that names them where there are several, or none."""
    fitting = [file for file in files if file.endswith(ENDING)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        some = ", ".join(fitting[:6])
        raise AmbiguousModel(f"{repo} holds {len(fitting)} files: {some}.", f"Say which: {repo}/{fitting[0]}, for one.")
    pickles = [file for file in files if Path(file).suffix in PICKLES]
    if pickles:
        refuse_pickle(Path(pickles[0]))
    raise UnsupportedModel(f"{repo} holds no {ENDING} file.", "Look there for another one.")
