"""What is done in the background once a studio is there: a backup of today, and the default model is loaded."""

import logging
from threading import Thread

from studio import hf_space
from studio.backends.base import Backend
from studio.catalogue.models import Catalogue
from studio.downloads.items import Items
from studio.downloads.needs import Needs
from studio.downloads.queue import Downloads
from studio.errors import StudioError
from studio.storage.database import Database

log = logging.getLogger(__name__)


class Warming:
    """Begins once; what goes wrong there shows when the model is used."""

    def __init__(
        self,
        model: str,
        database: Database,
        catalogue: Catalogue,
        items: Items,
        needs: Needs,
        downloads: Downloads,
        backend: Backend,
    ) -> None:
        self._model = model
        self._database = database
        self._catalogue = catalogue
        self._items = items
        self._needs = needs
        self._downloads = downloads
        self._backend = backend
        self._thread: Thread | None = None

    def begin(self) -> None:
        """Begin, unless it has begun."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="warm", daemon=True)
            self._thread.start()

    @property
    def is_on(self) -> bool:
        """Whether it is still at it."""
        return self._thread is not None and self._thread.is_alive()

    def wait(self) -> None:
        """Return when it is over, well or not; at once where it never began."""
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._database.back_up()
        except StudioError as error:
            log.warning("There is no backup of today: %s", error)
        try:
            self._load()
        except StudioError as error:
            log.warning("%s is not ready: %s", self._model, error)
        if hf_space.name():  # whoever made the Space chose what it offers
            for item in self._needs.missing(map(self._items.model, self._catalogue)):
                self._downloads.start(item)

    def _load(self) -> None:
        model = self._items.model(self._model)
        missing = self._needs.missing([model])
        if not hf_space.name():  # there, whoever made it chose the model
            self._downloads.check_agreed(missing)
        self._downloads.wait_for(missing)
        self._backend.warm(model.id)
