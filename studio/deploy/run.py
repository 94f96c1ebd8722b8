"""A deployment in a thread of its own, and the log of what it told: any page may follow it, and anyone may stop it."""

import logging
import threading
from collections.abc import Sequence

from studio.deploy.hub import Hub
from studio.deploy.plan import Plan
from studio.deploy.request import Logged, StepReport
from studio.deploy.upload import Done, upload
from studio.deploy.watch import Timeouts
from studio.errors import Cancelled, InternalError, StudioError

log = logging.getLogger(__name__)


class Run:
    """Begins at once; `end` is what came of it, None while it goes on. Token and secrets are gone with its thread."""

    def __init__(self, hub: Hub, plan: Plan, timeouts: Timeouts | None = None) -> None:
        self.space = plan.request.space
        self.end: Done | StudioError | Cancelled | None = None
        self._log: list[StepReport | Logged] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._go, args=(hub, plan, timeouts), name="deploy", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it before its next step; what was sent by then stays."""
        self._stopping.set()

    def events_from(self, position: int) -> Sequence[StepReport | Logged]:
        """What was told from this position on."""
        return tuple(self._log[position:])

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join()

    def _go(self, hub: Hub, plan: Plan, timeouts: Timeouts | None) -> None:
        try:
            self.end = upload(hub, plan, self._report, timeouts)
        except (StudioError, Cancelled) as end:
            self.end = end
        except Exception as error:
            log.exception("The deployment failed")
            self.end = InternalError(error)

    def _report(self, event: StepReport | Logged) -> None:
        if self._stopping.is_set():
            raise Cancelled
        if not self._log or self._log[-1] != event or isinstance(event, Logged):
            self._log.append(event)
