"""How long pictures took on this machine, by the model that made them."""

from statistics import median

from studio.library.facts import IMPORTED
from studio.storage.database import Database

# So many of the newest pictures are looked at, and of each model.
LOOKED_AT, OF_EACH = 2000, 15
NEWEST = """SELECT picture_names.name, pictures.seconds FROM pictures
    JOIN picture_named ON picture_named.picture = pictures.number
    JOIN picture_names ON picture_names.number = picture_named.name
    WHERE picture_names.kind = 'model' AND pictures.seconds > 0 AND pictures.kind != ?
    ORDER BY pictures.created DESC LIMIT ?"""


def seconds_by_model(database: Database) -> dict[str, float]:
    """The median seconds of each model's newest pictures; a model that made none is left out."""
    found: dict[str, list[float]] = {}
    with database.read() as rows:
        for name, seconds in rows.execute(NEWEST, (IMPORTED, LOOKED_AT)):
            found.setdefault(str(name), []).append(float(seconds))
    return {name: median(newest[:OF_EACH]) for name, newest in found.items()}
