"""A provider's requests over plain HTTP, within bounds, whose faults are those of `faults`."""

import json
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from studio.errors import HostedError
from studio.hosted import faults
from studio.hosted.keys import scrubbed
from studio.hosted.providers.base import Call
from studio.safe_fetch import bounded, fetch

if TYPE_CHECKING:
    import httpx2

CONNECT_SECONDS = 15
# Between two looks at whether a picture is done.
BETWEEN_SECONDS = 0.5


class Client:
    """Asks the host of a call; use it in a `with` block. It follows no redirects and tries once.

    All that is asked together has to be over when the host's time is. `headers` are sent with each request.
    """

    def __init__(self, call: Call, headers: Mapping[str, str]) -> None:
        self._call = call
        self._headers = {**headers, "Accept-Encoding": "identity"}
        self._deadline = time.monotonic() + call.endpoint.host.timeout_seconds

    def __enter__(self) -> Self:
        import httpx2

        seconds = self._call.endpoint.host.timeout_seconds
        self._http = httpx2.Client(
            base_url=self._call.endpoint.host.base_url,
            headers=self._headers,
            follow_redirects=False,
            timeout=httpx2.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)),
            event_hooks={"response": [bounded(self._call.most_bytes, self._deadline)]},
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """The JSON that the host answers with; HostedError where it answers with anything else, or not at all.

        `path` is below the host's address; `said` is as httpx takes it: `json`, `params`, `files`, `data`, `headers`.
        """
        body = _json(self.read(method, path, **options))
        if body is None:
            raise faults.malformed("It is not what was expected.")
        return body

    def read(self, method: str, path: str, **options: Any) -> bytes:
        """The bytes that the host answers with; as `ask`."""
        answer = self._answered(method, path, options)
        if not answer.is_success:
            raise self._refused(answer, _json(answer.content))
        return bytes(answer.content)

    def until(self, look: Callable[[], Any]) -> Any:
        """Look again and again until there is something to see; HostedError when the host's time is over."""
        while (found := look()) is None:
            if time.monotonic() > self._deadline:
                raise faults.too_late(self._call.endpoint)
            time.sleep(BETWEEN_SECONDS)
        return found

    def fetch(self, address: str) -> bytes:
        """What is at an address that the host told: a public place, or one of its own; HostedError."""
        host = self._call.endpoint.host
        return fetch(address, host.base_url, max(self._deadline - time.monotonic(), 1), self._call.most_bytes)

    def _answered(self, method: str, path: str, options: Mapping[str, Any]) -> "httpx2.Response":
        import httpx2

        try:
            return self._http.request(method, path, **options)
        except (httpx2.HTTPError, HostedError) as error:
            fault = faults.broken(error, self._call.endpoint) or faults.cut_off()
        # Nothing foreign is kept beside it: it may repeat the key.
        raise fault from None

    def _refused(self, answer: "httpx2.Response", body: Any) -> HostedError:
        reason = scrubbed(faults.shortened(_sentence(body)), self._call.key)
        code, after = json.dumps(body), answer.headers.get("retry-after")
        return faults.refused(answer.status_code, reason, self._call.endpoint, self._call.key, code=code, after=after)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _sentence(body: Any) -> Any:
    """What an error says in words, wherever services write it."""
    for name in ("message", "detail", "error", "errors", "title"):
        if isinstance(body, dict) and (inner := body.get(name)):
            return _sentence(inner) if isinstance(inner, dict) else inner
        if isinstance(body, list) and body:
            return _sentence(body[0])
    return body if isinstance(body, str) else None
