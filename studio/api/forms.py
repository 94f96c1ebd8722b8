"""Forms with files, as clients of OpenAI send them: values by name, those within others in brackets."""

import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from studio.errors import InvalidRequest, MalformedRequest

MOST_FILES, MOST_FIELDS, MOST_FIELD_BYTES = 16, 200, 2**20
BRACKETS = re.compile(r"^(\w+)(?:\[(\w+)\])$")
# These are tables, which a form holds as JSON where it does not take them apart.
TABLES = ("lora", "recipe")


class Form:
    """What a form holds: `values` by name, and files."""

    def __init__(self, fields: Sequence[tuple[str, str]], files: Sequence[tuple[str, bytes]]) -> None:
        self._files = files
        self.values: dict[str, Any] = {}
        for name, value in fields:
            self._put(name, value)

    def files(self, name: str) -> list[bytes]:
        """The files under a name, in order."""
        return [data for key, data in self._files if key == name]

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
async def read(request: Request) -> AsyncIterator[Form]:
    """What a request's form holds; MalformedRequest where it cannot be read. Bounded by the gate in bytes and time."""
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


def _table(name: str, value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        if name == "lora":  # a name alone
            return value
        raise InvalidRequest(f"{name} is not valid JSON.", field=name) from None
    except RecursionError:
        raise InvalidRequest(f"{name} is too deep.", field=name) from None
