"""The log: for people, or as one JSON object a line for programs; a line that is of a job tells its id."""

import json
import logging
import time
from contextvars import ContextVar

from studio.settings import Settings

# The id of the job that is being made where this is said.
job_id: ContextVar[str] = ContextVar("job_id", default="")
# Facts that a line has beside its words, under this name of `extra`.
FACTS = "facts"


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time, level, who says it, the words, the job, and further facts."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **({"job": job} if (job := job_id.get()) else {}),
            **getattr(record, FACTS, {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(settings: Settings) -> None:
    """Write the program's log as the settings say; for people it stays as Python has it."""
    if settings.log_format == "json":
        handler = logging.StreamHandler()
        handler.setFormatter(JsonLines())
        logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
        # It tells each request, with what the gate knows of it; these do so without.
        for name in ("uvicorn.access", "httpx", "httpx2"):
            logging.getLogger(name).setLevel(logging.WARNING)
