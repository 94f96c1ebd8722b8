"""Civitai, or another site of its form, as it is asked: for tables alone, and with a person's key where they gave one.

https://developer.civitai.com
"""

import os
import time
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from studio.errors import AnswerMalformed, KeyRefused, NotFound, ServiceFailed, ServiceUnreachable
from studio.parsing import ParseError, parse_json
from studio.safe_fetch import bounded
from studio.settings import Host, Settings

SECONDS = 20
MOST_ANSWER = 2**22
# Where a key is looked for that nobody typed.
KEY_ENV = "CIVITAI_API_KEY"
UNKNOWN = "It may have been taken down, or renamed."


class Site:
    """The site at the address of the settings."""

    def __init__(self, settings: Settings) -> None:
        self.base = settings.civitai.rstrip("/")

    @property
    def name(self) -> str:
        """What it is called to people; empty where it is switched off."""
        return self.base.partition("://")[2]

    @property
    def host(self) -> Host:
        """The site as something that people have keys for."""
        return Host(base_url=self.base, key_env=KEY_ENV)

    def ask(self, path: str, key: SecretStr | None = None, unknown: tuple[str, str] | None = None) -> Mapping[str, Any]:
        """The table at a path; `unknown` is said of one that is not there.

        NotFound, KeyRefused, or another HostedError where it does not answer as it should.
        """
        import httpx2

        hooks = {"response": [bounded(MOST_ANSWER, time.monotonic() + SECONDS)]}
        headers = {"accept-encoding": "identity", **authorized(key)}
        try:
            with httpx2.Client(event_hooks=hooks, timeout=SECONDS, headers=headers) as client:
                answer = client.get(f"{self.base}{path}")
        except httpx2.HTTPError as error:
            raise ServiceUnreachable(f"{self.name} does not answer.", "Check the connection, or try later.") from error
        self.check(answer.status_code, unknown)
        try:
            table = parse_json(answer.content, lenient=True)
        except ParseError as error:
            raise AnswerMalformed(f"{self.name} answered with something else than a table.", "Try later.") from error
        return table if isinstance(table, Mapping) else {}

    def check(self, status: int, unknown: tuple[str, str] | None = None) -> None:
        """Raise what a status means, as `ask` does."""
        import httpx2

        if status == httpx2.codes.NOT_FOUND:
            raise NotFound(*(unknown or (f"{self.name} has no such model.", UNKNOWN)))
        if status in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN):
            raise KeyRefused(
                f"{self.name} gives this only to those who have an API key and access to it.",
                f"Make a key in your account at {self.base}/user/account and put it in, or set {KEY_ENV}.",
            )
        if status not in (httpx2.codes.OK, httpx2.codes.PARTIAL_CONTENT):
            raise ServiceFailed(f"{self.name} answered with {status}.", "Try again later.")


def key_of_environment() -> SecretStr | None:
    """The key of whoever started this program, where they set one."""
    found = os.environ.get(KEY_ENV, "").strip()
    return SecretStr(found) if found else None


def authorized(key: SecretStr | None) -> dict[str, str]:
    """The header that a key is told in."""
    return {"authorization": f"Bearer {key.get_secret_value()}"} if key else {}
