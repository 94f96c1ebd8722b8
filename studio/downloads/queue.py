"""The download queue: two at once; those that a job waits for come first."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from studio import hub
from studio.downloads.items import Item
from studio.errors import Cancelled, InternalError, NotDownloaded, StudioError
from studio.events import Downloading
from studio.hub import Say, silent
from studio.transfer import TICK_SECONDS, Transfer, words

AT_ONCE = 2
State = Literal["waiting", "running", "done", "failed", "cancelled"]
OVER: tuple[State, ...] = ("done", "failed", "cancelled")
# Hears how far it is, at last None where all is here, or what kept it from that. It is called from another thread.
OnNews = Callable[[Downloading | StudioError | None], None]

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Download:
    """An item on its way: in line, running or over."""

    item: Item
    state: State = "waiting"
    fault: StudioError | None = None
    transfer: Transfer | None = None
    errands: list["Errand"] = field(default_factory=list)

    @property
    def progress(self) -> Downloading:
        """How far it is."""
        return self.transfer.progress if self.transfer else Downloading(self.item.name)


class Errand:
    """A request for some items; `on_news` is called with its progress, `cancel` withdraws it."""

    def __init__(self, downloads: "Downloads", on_news: OnNews, *, urgent: bool) -> None:
        self.urgent = urgent
        self.wanted: list[Download] = []
        self._downloads = downloads
        self._on_news = on_news
        self._over = threading.Event()
        self._turn = threading.Lock()

    def cancel(self) -> None:
        """Want them no more: a download that nobody else wants ends at once, and what has arrived is kept."""
        self._over.set()
        self._downloads.withdraw(self)

    def look(self) -> None:
        """Tell how far it is, and at last how it ended; that once."""
        with self._turn:
            if not self._over.is_set():
                self._tell()

    def _tell(self) -> None:
        first = next((one for one in self.wanted if one.state != "done"), None)
        if first is not None and first.state not in OVER:
            self._on_news(first.progress)
            return
        self._over.set()
        self._downloads.withdraw(self)
        self._on_news(_fault(first) if first else None)


class Downloads:
    """What is fetched for everybody, each item once at a time; `agreed` says that nobody has to be asked first."""

    def __init__(self, *, agreed: bool = False) -> None:
        self._agreed = agreed
        self._lock = threading.RLock()
        self._downloads: dict[str, Download] = {}  # in the order they were asked for
        self._closed = False

    def all(self) -> list[Download]:
        """Each item's last download, in the order they were asked for."""
        with self._lock:
            return list(self._downloads.values())

    def is_coming(self, item: Item) -> bool:
        """Whether it is on its way, or in line for that."""
        with self._lock:
            return (one := self._downloads.get(item.key)) is not None and one.state not in OVER

    def check_agreed(self, items: Sequence[Item]) -> None:
        """DownloadNotAgreed where these would take gigabytes that are not on their way yet: those want a yes first."""
        if self._agreed or hub.is_off():
            return
        missing = [item for item in items if not self.is_coming(item)]
        hub.check_agreed([item.name for item in missing], sum(item.needed_bytes() for item in missing))

    def start(self, item: Item) -> None:
        """Fetch it in the background."""
        self.fetch([item], lambda _: None, urgent=False)

    def fetch(self, items: Sequence[Item], on_news: OnNews, *, urgent: bool = True) -> Errand:
        """Fetch these, if they are not on their way already; `urgent` ones come before others in line.

        `on_news` is called at once, too, and takes no lock that the caller holds.
        """
        errand = Errand(self, on_news, urgent=urgent)
        with self._lock:
            for item in items:
                download = self._downloads.get(item.key)
                if download is None or download.state in OVER:
                    self._downloads.pop(item.key, None)
                    download = self._downloads[item.key] = Download(item)
                download.errands.append(errand)
                errand.wanted.append(download)
            self._go_on()
        errand.look()
        return errand

    def wait_for(self, items: Sequence[Item], say: Say = silent) -> None:
        """Fetch these and wait for them; whatever `say` raises ends it. What keeps one from being had is raised."""
        over = threading.Event()
        received: list[Downloading | StudioError | None] = []

        def on_news(news: Downloading | StudioError | None) -> None:
            received.append(news)
            if not isinstance(news, Downloading):
                over.set()

        errand = self.fetch(items, on_news)
        try:
            while not over.wait(TICK_SECONDS):
                if isinstance(received[-1], Downloading):
                    say(f"{words(received[-1])} ...")
        except BaseException:
            errand.cancel()
            raise
        if isinstance(fault := received[-1], StudioError):
            raise fault.about(None)

    def cancel(self, key: str) -> None:
        """End the download of this item, for everybody who wants it."""
        with self._lock:
            download = self._downloads.get(key)
            if download is None or download.state in OVER:
                return
            self._stop(download)
        self._tell(download)

    def forget(self, key: str) -> None:
        """Say no more of a download that is over."""
        with self._lock:
            if (one := self._downloads.get(key)) and one.state in OVER:
                del self._downloads[key]

    def withdraw(self, errand: Errand) -> None:
        """Let an errand go."""
        with self._lock:
            for download in errand.wanted:
                if errand in download.errands:
                    download.errands.remove(errand)
                if not download.errands and download.state not in OVER:
                    self._stop(download)

    def close(self) -> None:
        """End all; what has arrived is kept."""
        with self._lock:
            self._closed = True
            for download in self._downloads.values():
                if download.state not in OVER:
                    self._stop(download)
        for download in self.all():
            self._tell(download)

    def _stop(self, download: Download) -> None:
        download.state = "cancelled"
        if download.transfer:
            download.transfer.cancel()

    def _go_on(self) -> None:
        """Begin as many as may run at once."""
        running = [one for one in self._downloads.values() if one.state == "running"]
        waiting = [one for one in self._downloads.values() if one.state == "waiting"]
        waiting.sort(key=lambda one: not any(errand.urgent for errand in one.errands))
        for download in waiting[: max(0, AT_ONCE - len(running))]:
            if self._closed:
                self._stop(download)
                continue
            download.state = "running"
            threading.Thread(target=self._run, args=(download,), name=download.item.key, daemon=True).start()

    def _run(self, download: Download) -> None:
        try:
            self._follow(download)
            self._end(download, "done")
        except Cancelled:
            self._end(download, "cancelled")
        except StudioError as error:
            self._end(download, "failed", error)
        except Exception as error:
            log.exception("The download of %s failed", download.item.key)
            self._end(download, "failed", InternalError(error))

    def _follow(self, download: Download) -> None:
        with self._lock:
            if download.state != "running":
                raise Cancelled
            others = (one.transfer for one in self._downloads.values() if one.state == "running" and one.transfer)
            download.transfer = transfer = download.item.fetch(sum(one.missing_bytes for one in others))
        while not transfer.wait(TICK_SECONDS):
            self._tell(download)
        transfer.result()

    def _end(self, download: Download, state: State, fault: StudioError | None = None) -> None:
        with self._lock:
            if download.state == "running":
                download.state, download.fault = state, fault
            self._go_on()
        self._tell(download)

    def _tell(self, download: Download) -> None:
        """Call it without the lock: a callback may ask for something."""
        for errand in list(download.errands):
            errand.look()


def _fault(download: Download) -> StudioError:
    """What kept a download from ending well, at the field that asked for it."""
    item, fault = download.item, download.fault
    if fault is None:
        fault = NotDownloaded(f"The download of {item.name} was cancelled.", "Download it again to resume.")
    return fault.about(item.field)
