"""What is kept of a race: how a job is raced, and of an image where it fell behind; as the database has them."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from studio.events import Dropped
from studio.racing import Race
from studio.storage.connections import parsed

T = TypeVar("T")


def race_text(race: Race | None) -> str | None:
    """A race as it is written."""
    return json.dumps(asdict(race)) if race else None


def read_race(text: Any) -> Race | None:
    """The race that this says; None where it says none."""
    return _read(Race, parsed(text, dict[str, Any]())) if text else None


def fallen_text(event: Dropped | None) -> str | None:
    """Where an image fell behind, as it is written."""
    return json.dumps({**asdict(event), "jpeg": b64encode(event.jpeg).decode()}) if event else None


def read_fallen(number: int, text: Any) -> Dropped | None:
    """Where the image of this number fell behind; None where it did not, or nobody can read it."""
    values = parsed(text, dict[str, Any]())
    try:
        jpeg = b64decode(values.get("jpeg", ""), validate=True)
    except (TypeError, ValueError):
        jpeg = b""
    return _read(Dropped, {**values, "image": number, "jpeg": jpeg}) if text else None


def _read(kind: type[T], values: Mapping[str, Any]) -> T | None:
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError:
        return None
