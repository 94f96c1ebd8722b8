"""Files on their way from the hub: with bytes and seconds told, cancelled at once, resumed where they broke off.

The hub's own client throws a broken download away, and its own protocol (Xet) goes on after a cancel. So files are
fetched here over plain HTTP, in a loop of their own that a cancel ends whatever it waits for.
"""

import asyncio
import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from studio import hub
from studio.errors import Cancelled, DiskFull, DownloadFailed, NotOnHub
from studio.events import Downloading
from studio.hub import Listing, RepoFile, Say, silent
from studio.hub_cache import Cache, Folder, free_bytes, size

# The names of a repository's files in, those that are wanted out; ModelError where they do not suffice.
Choose = Callable[[Sequence[str]], Sequence[str]]
CHUNK_BYTES = 2**20
CONNECT_SECONDS, READ_SECONDS = 10.0, 30.0
# How long is waited before the next try, where nothing came with the last; a piece that comes begins anew.
PAUSES = (1.0, 3.0, 10.0, 30.0)
# The longest that is waited because the hub asks for it.
LONGEST_PAUSE = 120.0
# Over how long the speed is measured.
WINDOW_SECONDS = 10.0
# How often progress is reported.
TICK_SECONDS = 0.5
# What is left free on the disk.
RESERVE_BYTES = 200 * hub.MEGABYTE
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})


def words(progress: Downloading) -> str:
    """For a line of text: "Downloading SDXL: 1.2 GB of 6.9 GB, 34 MB/s, 3 min left"."""
    if not progress.total_bytes:
        return f"Downloading {progress.name}: asking the hub"
    parts = [f"{hub.in_words(progress.bytes)} of {hub.in_words(progress.total_bytes)}"]
    if progress.bytes_per_second:
        parts.append(f"{hub.in_words(int(progress.bytes_per_second))}/s")
    if progress.seconds_left is not None:
        parts.append(f"{duration(progress.seconds_left)} left")
    return f"Downloading {progress.name}: {', '.join(parts)}"


def duration(seconds: float) -> str:
    """For people: "45 s", "12 min", "2.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Transfer:
    """The chosen files of a repository on their way, from now on, into the hub's cache or into `folder`.

    `name` is what people know it by. What is there already is not fetched again. `reserved` says how many bytes of the
    disk other transfers are going to take.
    """

    def __init__(
        self,
        name: str,
        repo: str,
        choose: Choose,
        folder: Path | None = None,
        revision: str | None = None,
        reserved: int = 0,
    ) -> None:
        self.name, self.repo = name, repo
        self._reserved = reserved
        self._choose, self._folder, self._revision = choose, folder, revision
        self._meter = _Meter()
        self._over = Event()
        self._lock = Lock()
        self._end: Callable[[], object] | None = None
        self._cancelled = False
        self._paths: list[Path] = []
        self._fault: BaseException | None = None
        # A daemon, so that the end of the program waits for nothing.
        Thread(target=self._run, name=f"download {repo}", daemon=True).start()

    @property
    def progress(self) -> Downloading:
        """How far it is."""
        return self._meter.progress(self.name)

    @property
    def missing_bytes(self) -> int:
        """What has yet to come, as far as that is known."""
        return self._meter.missing

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it is over, well or not, after at most so long."""
        return self._over.wait(seconds)

    def cancel(self) -> None:
        """End it at once, whatever it waits for; what has arrived is kept for the next time."""
        with self._lock:
            self._cancelled = True
            if self._end:
                self._end()

    def result(self) -> list[Path]:
        """The files, in the order they were chosen; waits for them. Raises ModelError, or Cancelled."""
        self.wait()
        if self._fault:
            raise self._fault
        return self._paths

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 - handed on to whoever waits
            self._fault = Cancelled() if isinstance(error, asyncio.CancelledError) else error
        finally:
            self._over.set()

    async def _main(self) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        with self._lock:
            if self._cancelled or task is None:
                raise asyncio.CancelledError
            self._end = lambda: loop.call_soon_threadsafe(task.cancel)
        try:
            with hub.refusals(self.name, self.repo):
                self._paths = await self._fetch()
        finally:
            with self._lock:
                self._end = None

    async def _fetch(self) -> list[Path]:
        from huggingface_hub.utils import get_async_session

        async with get_async_session() as client:
            listing = await hub.listing(client, self.repo, self._revision)
            files = [self._named(listing, name) for name in self._choose(list(listing.files))]
            place = Folder(self._folder) if self._folder else Cache(self.repo, listing.commit)
            self._meter.begin(sum(file.bytes for file in files), sum(place.had(file) for file in files))
            self._check_disk(place.root)
            for file in files:
                await _Arrival(client, self.repo, listing.commit, file, place, self._meter).arrive()
            place.finish(self._revision or "main")
        return [place.path(file) for file in files]

    def _named(self, listing: Listing, name: str) -> RepoFile:
        if name not in listing.files:
            raise NotOnHub(
                f"{self.name} cannot be downloaded: {self.repo} has no {name}.",
                f"Look at https://huggingface.co/{self.repo} for what it holds.",
            )
        return listing.files[name]

    def _check_disk(self, folder: Path) -> None:
        """A download that fills the disk takes other programs down with it."""
        free, missing = free_bytes(folder) - self._reserved, self._meter.missing
        if missing and free < missing + RESERVE_BYTES:
            other = "set HF_HOME to a larger disk" if self._folder is None else "choose another data folder"
            raise DiskFull(
                f"{self.name} takes {hub.in_words(missing)} of the disk, which has {hub.in_words(max(free, 0))} free.",
                f"Free some space, or {other}.",
            )


def fetch(
    name: str,
    repo: str,
    choose: Choose,
    say: Say = silent,
    folder: Path | None = None,
    revision: str | None = None,
) -> list[Path]:
    """The chosen files of a repository, as `Transfer` fetches them; `say` is called with the progress, and ends it
    by raising.
    """
    transfer = Transfer(name, repo, choose, folder, revision)
    try:
        over = False
        while not over:
            over = transfer.wait(TICK_SECONDS)
            say(f"{words(transfer.progress)} ...")
    except BaseException:
        transfer.cancel()
        transfer.wait()
        raise
    return transfer.result()


class _Meter:
    """Counts what arrives."""

    def __init__(self) -> None:
        self._bytes = self._total = 0
        self._seen: deque[tuple[float, int]] = deque()

    def begin(self, total: int, there: int) -> None:
        self._total, self._bytes = total, there
        self._seen.append((time.monotonic(), there))

    def add(self, size: int) -> None:
        """So many bytes arrived, or fewer than none: they have to come again."""
        now = time.monotonic()
        self._bytes += size
        if now - self._seen[-1][0] > TICK_SECONDS:
            self._seen.append((now, self._bytes))
        while now - self._seen[0][0] > WINDOW_SECONDS and len(self._seen) > 1:
            self._seen.popleft()

    @property
    def missing(self) -> int:
        return self._total - self._bytes

    def progress(self, name: str) -> Downloading:
        there, total, first = self._bytes, self._total, self._seen[0] if self._seen else None
        seconds = time.monotonic() - first[0] if first else 0.0
        if not first or seconds < TICK_SECONDS or there <= first[1]:
            return Downloading(name, there, total)
        speed = (there - first[1]) / seconds
        return Downloading(name, there, total, speed, (total - there) / speed)


class _Arrival:
    """One file on its way to its place."""

    def __init__(
        self, client: Any, repo: str, commit: str, file: RepoFile, place: Cache | Folder, meter: _Meter
    ) -> None:
        from huggingface_hub import hf_hub_url

        self._client, self._file, self._place, self._meter = client, file, place, meter
        self._address = hf_hub_url(repo, file.name, revision=commit)
        self._path = place.unfinished(file)
        # What came so far, and of how much of it the digest is.
        self._digest, self._digested = hashlib.sha256(), 0

    async def arrive(self) -> None:
        """Fetch it where it is not here, alone among all programs, and lay it in its place."""
        from filelock import FileLock, Timeout

        path = self._place.lock(self._file)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        while True:
            if self._place.is_here(self._file):
                return self._place.land(self._file, None)
            try:
                with lock.acquire(timeout=0):
                    return await self._alone()
            except Timeout:  # another program fetches it
                await asyncio.sleep(TICK_SECONDS)

    async def _alone(self) -> None:
        if self._place.is_here(self._file):
            return self._place.land(self._file, None)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        await self._persist()
        if self._file.sha256 and await self._hash() != self._file.sha256:
            self._restart()
            raise DownloadFailed(
                f"{self._file.name} came damaged from the hub.", "Try again: it is downloaded again from its beginning."
            )
        return self._place.land(self._file, self._path)

    async def _persist(self) -> None:
        """Fetch it, trying again after what may pass: a cut connection, a hub that is busy."""
        import httpx2
        from huggingface_hub.errors import HfHubHTTPError

        pauses = iter(PAUSES)
        while size(self._path) != self._file.bytes or not self._path.exists():
            before = size(self._path)
            try:
                await self._stream()
            except (httpx2.TransportError, HfHubHTTPError) as error:
                if isinstance(error, HfHubHTTPError) and error.response.status_code not in TRANSIENT:
                    raise
                if size(self._path) > before:
                    pauses = iter(PAUSES)
                pause = next(pauses, None)
                if pause is None:
                    raise
                await asyncio.sleep(max(pause, _retry_after(error)))

    async def _stream(self) -> None:
        """What is missing of the file, onto what is here of it."""
        from httpx2 import Timeout
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

        if (there := size(self._path)) > self._file.bytes:
            there = self._restart()
        headers = {**build_hf_headers(), "accept-encoding": "identity"}
        if there:
            headers["range"] = f"bytes={there}-"
        timeout = Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
        async with self._client.stream("GET", self._address, headers=headers, timeout=timeout) as answer:
            if answer.is_error:
                await answer.aread()
            hf_raise_for_status(answer)
            if there and answer.status_code != 206:  # it begins anew
                there = self._restart()
            with self._path.open("ab") as out:
                async for chunk in answer.aiter_bytes():
                    out.write(chunk)
                    self._meter.add(len(chunk))
                    if self._file.sha256 and self._digested == there:
                        self._digest.update(chunk)
                        self._digested += len(chunk)
                    there += len(chunk)
                    if there > self._file.bytes:
                        self._restart()
                        raise ValueError(self._file.name)
                out.flush()
                os.fsync(out.fileno())

    async def _hash(self) -> str:
        """The SHA-256 of what arrived; of an earlier program's part too, whose disk may have lost power meanwhile."""
        with self._path.open("rb") as file:
            file.seek(self._digested)
            while chunk := file.read(CHUNK_BYTES):
                self._digest.update(chunk)
                self._digested += len(chunk)
                await asyncio.sleep(0)
        return self._digest.hexdigest()

    def _restart(self) -> int:
        """Throw away what came so far."""
        self._meter.add(-size(self._path))
        with suppress(FileNotFoundError):
            self._path.unlink()
        self._digest, self._digested = hashlib.sha256(), 0
        return 0


def _retry_after(error: Exception) -> float:
    """How long the hub asks to wait, as far as that is waited for."""
    response = getattr(error, "response", None)
    return min(hub.wait_seconds(response.headers) or 0.0, LONGEST_PAUSE) if response is not None else 0.0
