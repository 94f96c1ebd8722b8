"""The steps of a way that are still to come, kept with the job of the step that is being made."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from sqlite3 import Connection, Row

from studio.errors import InvalidRecipe
from studio.gate.identity import Identity
from studio.recipe import Recipe
from studio.storage.database import Database

DUE = """SELECT repeats.*, jobs.owner, jobs.here FROM repeats JOIN jobs ON jobs.id = repeats.job
    WHERE jobs.state = 'done' ORDER BY jobs.number"""


@dataclass(frozen=True)
class Steps:
    """What follows a job: `later` are the recipes of the steps to come.

    `prompts` are what is asked for at the place of each picture, in place of the prompt `before`; `places` are those of
    the job's pictures, in their order.
    """

    later: Sequence[Recipe]
    before: str
    prompts: Sequence[str]
    places: Sequence[int]

    @property
    def pictures(self) -> set[str]:
        """The stored pictures that the steps to come name."""
        return {picture for recipe in self.later for picture in recipe.pictures}

    def after(self, places: Sequence[int]) -> "Steps":
        """What is still to come when the next step is made, of the pictures at these places."""
        return replace(self, later=self.later[1:], places=places)


class RepeatStore:
    """The steps to come of all jobs. StorageError where the database cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, rows: Connection, job: str, steps: Steps, *, after: str = "") -> None:
        """In a transaction of the job's own: these steps follow it, in place of those that followed `after`."""
        rows.execute("DELETE FROM repeats WHERE job = ?", (after,))
        if steps.later:
            later = json.dumps([recipe.to_json() for recipe in steps.later])
            kept = (job, later, steps.before, json.dumps([*steps.prompts]), json.dumps([*steps.places]))
            rows.execute("INSERT INTO repeats (job, later, before, prompts, places) VALUES (?, ?, ?, ?, ?)", kept)

    def forget(self, job: str) -> None:
        """Nothing follows this job."""
        with self._database.write() as rows:
            rows.execute("DELETE FROM repeats WHERE job = ?", (job,))

    def due(self) -> Mapping[str, tuple[Identity, Steps | None]]:
        """What follows jobs that are done, oldest first: by the job, whose it is and the steps, None if unreadable."""
        with self._database.read() as rows:
            found = rows.execute(DUE).fetchall()
        return {str(row["job"]): (Identity.earlier(row["owner"], here=row["here"] == 1), _steps(row)) for row in found}


def _steps(row: Row) -> Steps | None:
    try:
        later = [Recipe.from_json(text) for text in json.loads(row["later"])]
        prompts, places = ([str(one) for one in json.loads(row["prompts"])], [*map(int, json.loads(row["places"]))])
    except (ValueError, TypeError, InvalidRecipe):  # another version of the studio wrote it
        return None
    return Steps(later, str(row["before"]), prompts, places)
