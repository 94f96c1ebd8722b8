"""Forms with files, as clients of OpenAI send them: values by name, those within others in brackets."""

import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from studio.api.coded import decoded
from studio.errors import InvalidRequest, MalformedRequest
from studio.gate.doors import MEGABYTE
from studio.studio import Studio

MOST_FILES, MOST_FIELDS, MOST_FIELD_BYTES = 16, 200, 2**20
BRACKETS = re.compile(r"^(\w+)(?:\[(\w+)\])$")
# These are tables, which a form holds as JSON where it does not take them apart.
TABLES = ("lora", "recipe")
# These are pictures, which a form may name by an address instead of holding them.
PICTURES = ("image", "image[]", "mask", "file")


class Form:
    """What a form holds: `values` by name, and pictures."""

    def __init__(self, fields: Sequence[tuple[str, str]], files: Sequence[tuple[str, bytes]]) -> None:
        self._files = files
        self._named = [(name, value) for name, value in fields if name in PICTURES and value]
        self.values: dict[str, Any] = {}
        for name, value in fields:
            if name not in PICTURES:
                self._put(name, value)

    def pictures(self, name: str) -> list[bytes]:
        """The pictures under a name, files first; InvalidRequest where one that is named does not come."""
        named = [decoded(value, name.removesuffix("[]")) for key, value in self._named if key == name]
        return [*(data for key, data in self._files if key == name), *named]

    def _put(self, name: str, value: str) -> None:
        if inner := BRACKETS.fullmatch(name):
            table = self.values.setdefault(inner[1], {})
            if isinstance(table, dict):
                table[inner[2]] = value
        elif name in TABLES:
            self.values[name] = _table(name, value)
        else:
            self.values[name] = value


@asynccontextmanager
async def read(request: Request, studio: Studio) -> AsyncIterator[Form]:
    """What a request's form holds; MalformedRequest where it cannot be read, StorageError where the disk is full.

    Bounded by the gate in bytes and time.
    """
    await run_in_threadpool(studio.room_on_disk, coming_bytes(request, studio))
    try:
        form = await request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=MOST_FIELD_BYTES)
    except HTTPException as error:
        raise MalformedRequest("The form cannot be read.", str(error.detail)) from error
    try:
        files = [(name, await value.read()) for name, value in form.multi_items() if isinstance(value, UploadFile)]
        fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        yield Form(fields, files)
    finally:
        await form.close()


def coming_bytes(request: Request, studio: Studio) -> int:
    """How much a request brings, by its own word; the most that one may where it does not say."""
    return int(request.headers.get("content-length") or studio.settings.max_upload_mb * MEGABYTE)


def _table(name: str, value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        if name == "lora":  # a name alone
            return value
        raise InvalidRequest(f"{name} is not valid JSON.", field=name) from None
    except RecursionError:
        raise InvalidRequest(f"{name} is too deep.", field=name) from None
