"""Where files of the hub lie on this disk: in its own cache, or in a folder of ours.

The cache is laid out as the hub documents it, so that every other program finds the files there: `blobs` by content,
`snapshots` that link to them by name, `refs` that say which snapshot a revision is.
"""

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from studio.hub import RepoFile

UNFINISHED = ".studio.incomplete"


def cached(repo: str, file: str, revision: str | None = None) -> Path | None:
    """A file of a repository, where it is in the cache."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repo, file, revision=revision)
    return Path(found) if isinstance(found, str) else None


def root() -> Path:
    """The cache's folder."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def repo_folder(repo: str) -> Path:
    """The folder of a repository in the cache, there or not."""
    return root() / f"models--{repo.replace('/', '--')}"


def snapshot_of(path: Path) -> Path:
    """The snapshot that a file or folder of the cache is in."""
    return next(folder for folder in (path, *path.parents) if folder.parent.name == "snapshots")


def unfinished_bytes(repo: str) -> int:
    """What is there of files that broke off."""
    return sum(size(path) for path in (repo_folder(repo) / "blobs").glob(f"*{UNFINISHED}"))


def unfinished_in(folder: Path) -> int:
    """The same of a folder of ours."""
    return sum(size(path) for path in folder.rglob(f"*{UNFINISHED}"))


def remove(repo: str, files: Collection[Path]) -> None:
    """Take files out of the cache, with their content where no other name means it, and what broke off.

    A repository of which nothing is left goes as a whole. Raises OSError.
    """
    folder = repo_folder(repo)
    contents = {_content(file) for file in files}
    for file in files:
        file.unlink(missing_ok=True)
    wanted = {_content(path) for path in _files(folder / "snapshots")}
    for content in contents - wanted:
        content.unlink(missing_ok=True)
    for piece in (folder / "blobs").glob(f"*{UNFINISHED}"):
        piece.unlink(missing_ok=True)
    if not wanted:
        shutil.rmtree(folder, ignore_errors=True)


def free_bytes(folder: Path) -> int:
    """What is free on the disk of a folder that may not be there yet."""
    return shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free


def size(path: Path) -> int:
    """A file's size; 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


class Cache:
    """A repository's place in the cache, for one commit."""

    def __init__(self, repo: str, commit: str) -> None:
        self.root = repo_folder(repo)
        self.commit = commit
        self._locks = root() / ".locks" / self.root.name

    def path(self, file: RepoFile) -> Path:
        """Where the file is, or will be."""
        return self.root / "snapshots" / self.commit / file.name

    def had(self, file: RepoFile) -> int:
        """How much of the file is here, in bytes."""
        return file.bytes if self.is_here(file) else size(self.unfinished(file))

    def is_here(self, file: RepoFile) -> bool:
        """Whether all of it is."""
        return self.path(file).exists() or self._blob(file).exists()

    def unfinished(self, file: RepoFile) -> Path:
        """What is there of a file that is on its way, or broke off."""
        return self._blob(file).with_name(file.etag + UNFINISHED)

    def lock(self, file: RepoFile) -> Path:
        """The very lock that the hub's client takes."""
        return self._locks / f"{file.etag}.lock"

    def land(self, file: RepoFile, arrived: Path | None) -> None:
        """Take in what arrived, where anything did, and give it its name in the snapshot."""
        blob, path = self._blob(file), self.path(file)
        if arrived:
            arrived.replace(blob)
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # a link to nothing
        try:
            path.symlink_to(os.path.relpath(blob, path.parent))
        except OSError:  # Windows without the right to make links: as the hub does it there
            shutil.move(blob, path)

    def finish(self, revision: str) -> None:
        """From now on the snapshot is what the revision means; not before it is whole."""
        if revision != self.commit:
            ref = self.root / "refs" / revision
            ref.parent.mkdir(parents=True, exist_ok=True)
            ref.write_text(self.commit)

    def _blob(self, file: RepoFile) -> Path:
        return self.root / "blobs" / file.etag


class Folder:
    """A folder of ours, in which files lie by their names; it has what `Cache` has."""

    def __init__(self, path: Path) -> None:
        self.root = path
        self._aside = path / ".arriving"

    def path(self, file: RepoFile) -> Path:
        """As of `Cache`."""
        return self.root / file.name

    def had(self, file: RepoFile) -> int:
        """As of `Cache`."""
        return file.bytes if self.is_here(file) else size(self.unfinished(file))

    def is_here(self, file: RepoFile) -> bool:
        """As of `Cache`."""
        return self.path(file).is_file() and size(self.path(file)) == file.bytes

    def unfinished(self, file: RepoFile) -> Path:
        """As of `Cache`."""
        return self._aside / f"{file.etag}{UNFINISHED}"

    def lock(self, file: RepoFile) -> Path:
        """One of its own: no other program knows the folder."""
        return self._aside / f"{file.etag}.lock"

    def land(self, file: RepoFile, arrived: Path | None) -> None:
        """As of `Cache`."""
        if arrived:
            self.path(file).parent.mkdir(parents=True, exist_ok=True)
            arrived.replace(self.path(file))
        with suppress(OSError):  # Windows keeps what is held open
            self.lock(file).unlink()

    def finish(self, revision: str) -> None:
        """As of `Cache`: here there is nothing to say, and nothing left aside unless another download is on its way."""
        del revision
        with suppress(OSError):
            self._aside.rmdir()


def _content(path: Path) -> Path:
    """What a name in a snapshot means; that may itself be a link into the store that all repositories share."""
    return Path(os.path.normpath(path.parent / path.readlink())) if path.is_symlink() else path


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
