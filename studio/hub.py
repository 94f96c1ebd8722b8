"""Files from the hub: fetched with their progress told, and every refusal in the studio's words."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os import devnull
from pathlib import Path
from typing import Any

from studio.errors import ModelError

Say = Callable[[str], None]
MEGABYTE = 1_000_000
# How long the hub may take to say what a repository holds.
SECONDS = 15.0


def silent(sentence: str) -> None:
    """Nobody hears of it."""
    del sentence


def is_off() -> bool:
    """Whether the hub was switched off (HF_HUB_OFFLINE)."""
    from huggingface_hub.constants import HF_HUB_OFFLINE

    return bool(HF_HUB_OFFLINE)


def in_words(size_bytes: int) -> str:
    """A size for people: "99 MB", "2.5 GB"."""
    megabytes = size_bytes / MEGABYTE
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"


def fetch(
    name: str,
    repo: str,
    files: Sequence[str],
    say: Say,
    folder: Path | None = None,
    revision: str | None = None,
) -> list[Path]:
    """The files of a repository, in `folder` or else in the hub's own cache; what is there already is not fetched.

    `name` is what people know it by. Raises ModelError that says why it cannot be had; whatever `say` raises ends it.
    """
    from huggingface_hub import hf_hub_download

    ends: list[BaseException] = []
    told = _told(name, say, ends)
    there = []
    with _refusals(name, repo):
        for file in files:
            there.append(Path(hf_hub_download(repo, file, local_dir=folder, revision=revision, tqdm_class=told)))
            if ends:
                raise ends[0]
    return there


def files(name: str, repo: str) -> list[str]:
    """The names of a repository's files; raises as `fetch`."""
    from huggingface_hub import model_info

    with _refusals(name, repo):
        return [str(file.rfilename) for file in model_info(repo, timeout=SECONDS).siblings or ()]


@contextmanager
def _refusals(name: str, repo: str) -> Iterator[None]:
    """What the hub refuses, in the studio's words."""
    import httpx2
    from huggingface_hub.errors import GatedRepoError

    try:
        yield
    except GatedRepoError as error:
        raise ModelError(
            f"{name} cannot be downloaded: {repo} asks for its licence to be accepted first.",
            f"Accept it at https://huggingface.co/{repo}, then log in with: hf auth login",
        ) from error
    except (OSError, ValueError, httpx2.HTTPError) as error:
        raise ModelError(
            f"{name} cannot be downloaded from {repo}: {str(error).splitlines()[0]}",
            "Check the network and the room on the disk, then try again; files that came whole are kept.",
        ) from error


def _told(name: str, say: Say, ends: list[BaseException]) -> Any:
    """A progress bar that shows nothing, and says each further per cent; `ends` gets what `say` raises.

    Where the hub's own protocol (Xet) fetches, the bar is moved by a thread of its own, in which that would be lost.
    """
    from tqdm import tqdm

    class Told(tqdm):  # type: ignore[misc]  # tqdm has no types
        def __init__(self, *arguments: Any, **options: Any) -> None:
            self.said = -1
            self.nowhere = open(devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - closed with the bar
            super().__init__(*arguments, **options | {"file": self.nowhere})

        def update(self, n: float | None = 1) -> Any:
            shown = super().update(n)
            share = int(100 * self.n / self.total) if self.total else 0
            if share != self.said:
                self.said = share
                size = f" of {in_words(int(self.total))}" if self.total else ""
                try:
                    say(f"Downloading {name}, {share} %{size} ...")
                except BaseException as end:
                    ends.append(end)
                    raise
            return shown

        def close(self) -> None:
            super().close()
            self.nowhere.close()

    return Told
