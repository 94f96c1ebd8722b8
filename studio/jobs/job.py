"""One job: an ordered set of items of one owner, and a log of events that anyone may follow."""

import contextvars
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence

from studio.downloads.queue import Errand
from studio.events import END, Downloading, Dropped, Event, Failed, Finished, Preview, Queued, Step, Stopped
from studio.gate.identity import Identity
from studio.jobs.item import DEVICE, OPEN, QueueItem, State
from studio.jobs.kinds.base import Priority
from studio.news import News, Pause
from studio.racing import Race
from studio.recipe import ResolvedRecipe

Listener = Callable[[Event], None]


class Job:
    """Items of one owner on their way to images, and the log of what happened to them; `kind` says what they are for.

    With a `race`, those that fall behind are not made to their end.

    A position in the log stays valid for good; events that a newer one makes worthless (previews, how far a download
    is, and after the end the steps) are dropped in their place, so that a log stays small.
    """

    def __init__(
        self,
        id: str,  # noqa: A002
        who: Identity,
        items: Sequence[QueueItem],
        created: float,
        *,
        kind: str = "images",
        priority: Priority = "interactive",
        race: Race | None = None,
    ) -> None:
        self.race = race
        self.id = id
        self.who = who
        self.owner = who.owner
        self.turn = who.turn
        self.items = tuple(items)
        self.created = created
        self.kind = kind
        self.priority: Priority = priority
        # Where it stands among the owner's others: behind those of a lower place.
        self.place = created
        self.paused = False
        self.state: State = "waiting"
        # At work, over all its turns.
        self.seconds = 0.0
        # The page's request lives in a context variable; a backend that asks for it finds its own. Let go at the end.
        self.context = contextvars.copy_context()
        self.restored = False
        # Who is told of its events too, by its kind.
        self.listeners: Mapping[str, Sequence[Listener]] = {}
        # What ended it before its other images were tried.
        self.fault: Failed | None = None
        self.stopping = threading.Event()
        # Nothing refers to it any more: it is forgotten when it is over.
        self.is_unwanted = False
        # What brings its weights, until they are here.
        self.errand: Errand | None = None
        self._log: list[Event | None] = []
        self._over = False
        self._previews: dict[int, int] = {}
        self._steps: list[tuple[int, tuple[int, ...]]] = []
        self._finished: set[int] = set()
        self._news = News()

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.state in OPEN

    @property
    def recipes(self) -> tuple[ResolvedRecipe, ...]:
        """The recipes of its items, in order."""
        return tuple(item.recipe for item in self.items)

    @property
    def lanes(self) -> list[str]:
        """The lanes on which an item of it waits."""
        return list(dict.fromkeys(item.lane for item in self.items if item.state == "waiting"))

    def waiting(self, lane: str = DEVICE) -> list[QueueItem]:
        """Its items that wait on a lane."""
        return [item for item in self.items if item.state == "waiting" and item.lane == lane]

    @property
    def events(self) -> tuple[Event, ...]:
        """All events so far."""
        with self._news:
            return tuple(event for event in self._log if event is not None)

    @property
    def results(self) -> tuple[Finished, ...]:
        """The images that are in the library, in the order they came."""
        return tuple(event for event in self.events if isinstance(event, Finished))

    def follow(self, position: int = 0) -> Iterator[Event]:
        """Each event from `position` on as it happens, up to the job's end."""
        events, position = self.read(position)
        while events:
            yield from events
            events, position = self.read(position)

    def read(self, position: int = 0) -> tuple[tuple[Event, ...], int]:
        """The events from `position` on, and the position after them; waits for the first, empty after the end."""
        with self._news:
            self._news.wait_for(lambda: len(self._log) > position or self._ended())
            return tuple(event for event in self._log[position:] if event is not None), len(self._log)

    def since(self, position: int = 0) -> list[tuple[int, Event]]:
        """The events so far from `position` on, each with its own; at once."""
        with self._news:
            return [(at, event) for at, event in enumerate(self._log[position:], position) if event is not None]

    @property
    def length(self) -> int:
        """The position behind the last event so far."""
        with self._news:
            return len(self._log)

    @property
    def last_event_at(self) -> float:
        """The time of the last event, by `time.monotonic`."""
        return self._news.changed

    def changes(self, pause: Pause) -> AsyncGenerator[None, None]:
        """At once, and after each event up to the job's end, for an event loop: no thread is held."""
        return self._news.changes(self._ended, pause)

    def tell(self, event: Event) -> None:
        """Append an event to the log; nothing comes after the end."""
        with self._news:
            if self._ended():
                return
            self._drop_superseded(event)
            self._log.append(event)
            self._over = isinstance(event, END)
            self._news.notify_all()
        self._pass_on(event)

    def tell_late(self, event: Event) -> None:
        """Tell of a job that is over what is known only now; its end is told again, and stays the last event."""
        with self._news:
            if self._ended():
                self._log += [event, self._log[-1]]
                self._log[-3] = None
            else:
                self._log.append(event)
            self._news.notify_all()
        self._pass_on(event)

    def begin_again(self, items: Sequence[QueueItem], who: Identity) -> None:
        """These of its items wait as if they had never been tried, in the context and with the keys of who asks now."""
        for item in items:
            item.state, item.fault, item.attempts, item.alone = "waiting", None, 0, item.fell is not None
        self.stopping.clear()
        if not self.is_open:  # else it waits under the turn that it had
            self.turn = who.turn
        self.who = who
        self.state = "running" if any(item.state == "running" for item in self.items) else "waiting"
        self.restored, self.errand, self.fault, self.paused = True, None, None, False
        self.context = contextvars.copy_context()
        self._reopen(Queued(0))

    def _reopen(self, event: Event) -> None:
        """Let the log go on with this event, which stands in the place of the end where there was one."""
        with self._news:
            if self._ended():
                self._log.pop()
            self._log.append(event)
            self._over = False
            self._news.notify_all()
        self._pass_on(event)

    def _pass_on(self, event: Event) -> None:
        for listener in self.listeners.get(self.kind, ()):
            listener(event)

    def _ended(self) -> bool:
        return self._over

    def _drop_superseded(self, event: Event) -> None:
        if isinstance(event, END):
            # Of what was stopped, the last preview is all that there is to be seen.
            worthless = Step if isinstance(event, Stopped) else Preview | Step
            self._log = [None if isinstance(e, worthless) else e for e in self._log]
            self._steps = []
        elif isinstance(event, Preview | Finished | Dropped) and event.image in self._previews:
            self._log[self._previews.pop(event.image)] = None
        elif self._log and isinstance(self._log[-1], Downloading):
            self._log[-1] = None
        if isinstance(event, Preview):
            self._previews[event.image] = len(self._log)
        elif isinstance(event, Step):
            self._steps.append((len(self._log), event.images))
        elif isinstance(event, Finished | Dropped):
            self._finished.add(event.image)
            self._drop_steps()

    def _drop_steps(self) -> None:
        """The steps of images that are there are worthless, but for the last, which says how far the job is."""
        over = [at for at, images in self._steps[:-1] if self._finished.issuperset(images)]
        for at in over:
            self._log[at] = None
        self._steps = [step for step in self._steps if step[0] not in set(over)]
