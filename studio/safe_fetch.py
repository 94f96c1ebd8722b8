"""What comes from outside: no more than a limit, not after a deadline, and from no place that is private.

A service that answers with the address of a picture could otherwise have this machine read from its own network.
"""

import ipaddress
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

from pydantic import SecretStr

from studio.errors import (
    AnswerCutOff,
    AnswerMalformed,
    AnswerTooLarge,
    HostedError,
    ServiceFailed,
    ServiceTimeout,
    ServiceUnreachable,
    UnsafeAddress,
)

if TYPE_CHECKING:
    import httpx2

# Ten pictures of 4 megapixels as PNG, in base64.
MOST_BYTES = 192 * 2**20
MOST_REDIRECTS = 4
PORTS = {"http": 80, "https": 443}


def bounded(most_bytes: int, deadline: float) -> Callable[["httpx2.Response"], None]:
    """A hook for answers: HostedError while the body is read where it is too large or comes too late.

    `deadline` is on the clock of `time.monotonic`.
    """
    import httpx2

    class Bounded(httpx2.SyncByteStream):
        def __init__(self, stream: httpx2.SyncByteStream) -> None:
            self.stream = stream

        def __iter__(self) -> Iterator[bytes]:
            size = 0
            for chunk in self.stream:
                size += len(chunk)
                if size > most_bytes:
                    raise too_large(most_bytes)
                if time.monotonic() > deadline:
                    raise ServiceTimeout("The answer came too slowly.", "Try again later.", billed=True)
                yield chunk

        def close(self) -> None:
            self.stream.close()

    def bound(response: httpx2.Response) -> None:
        # Unpacked, a small answer can fill the memory; it was asked for as it is.
        if response.headers.get("content-encoding", "identity") != "identity":
            raise AnswerMalformed(
                "The service compressed its answer without being asked.", "Ask whoever runs it.", billed=True
            )
        stream = response.stream
        assert isinstance(stream, httpx2.SyncByteStream)  # noqa: S101 - that of a client that does not wait on others
        response.stream = Bounded(stream)

    return bound


def too_large(most_bytes: int) -> HostedError:
    """What is said of an answer above the limit."""
    most = f"{most_bytes / 2**20:.0f} MB are the most."
    return AnswerTooLarge(f"The answer is too large: {most}", "Ask for a smaller picture.", billed=True)


def fetch(address: str, own: str, seconds: float, most_bytes: int = MOST_BYTES) -> bytes:
    """What is at the address that a service at `own` answered with; HostedError where it is not to be gone to.

    It is to be a public place and https, or the service's own. Redirects are not followed.
    """
    import httpx2

    split = _split(address)
    place = _place(split, _split(own))
    host = str(split.hostname)
    pinned = httpx2.URL(address).copy_with(host=place)
    # To the place that was looked up and none that the name may come to mean meanwhile.
    headers = {"host": split.netloc, "accept-encoding": "identity"}
    hooks = {"response": [bounded(most_bytes, time.monotonic() + seconds)]}
    try:
        with httpx2.Client(event_hooks=hooks, timeout=seconds, trust_env=False, follow_redirects=False) as client:
            answer = client.get(pinned, headers=headers, extensions={"sni_hostname": host})
    except httpx2.TimeoutException as error:
        late = f"The picture did not arrive within {seconds:.0f} seconds."
        raise ServiceTimeout(late, "Try again later.", billed=True) from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise AnswerCutOff("The picture arrived incomplete.", "Try again.", billed=True) from error
    if answer.is_redirect:
        raise _unsafe("The picture's address redirects to another one, which is not followed.")
    if answer.status_code != httpx2.codes.OK:
        gone = f"The picture's address answered with {answer.status_code}."
        raise ServiceFailed(gone, "Try again.", billed=True)
    return bytes(answer.content)


@contextmanager
def opened(
    address: str, own: str, seconds: float, headers: Mapping[str, str], key: SecretStr | None = None
) -> Iterator["httpx2.Response"]:
    """The answer at an address of a service at `own`, whose body is still to be read, piece by piece.

    Redirects are followed, each to a place that may be gone to; `key` is told to the service itself alone.
    UnsafeAddress where it leads elsewhere, httpx2.HTTPError on the way, and while the body is read.
    """
    import httpx2

    with httpx2.Client(timeout=seconds, trust_env=False, follow_redirects=False) as client:
        for _ in range(MOST_REDIRECTS):
            split = _split(address)
            place = _place(split, _split(own))
            sent = {**headers, "host": split.netloc, "accept-encoding": "identity"}
            if key and split[:2] == _split(own)[:2]:
                sent["authorization"] = f"Bearer {key.get_secret_value()}"
            pinned = httpx2.URL(address).copy_with(host=place)
            with client.stream("GET", pinned, headers=sent, extensions={"sni_hostname": split.hostname}) as answer:
                if not answer.is_redirect:
                    yield answer
                    return
                address = urljoin(address, answer.headers.get("location", ""))
    raise _unsafe("The address leads on and on to others.")


def _place(split: SplitResult, own: SplitResult) -> str:
    """The numeric address to connect to."""
    if split.username or split.password or split.scheme not in PORTS or not split.hostname:
        raise _unsafe("The answer holds no valid address.")
    port = split.port or PORTS[split.scheme]
    found = _looked_up(split.hostname, port)
    if (split.scheme, port) == (own.scheme, own.port or PORTS.get(own.scheme)):
        if split.hostname == own.hostname:
            return found[0]
        if own.hostname and all(map(_is_loopback, (*found, *_looked_up(own.hostname, port)))):
            return found[0]
    if split.scheme != "https":
        raise _unsafe(f"The answer points to {split.hostname} without encryption.")
    if not all(ipaddress.ip_address(place).is_global for place in found):
        raise _unsafe(f"The answer points to {split.hostname}, which is not a public address.")
    return found[0]


def _looked_up(host: str, port: int) -> list[str]:
    try:
        # A zone says by which card, not where.
        return [str(place[4][0]).partition("%")[0] for place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        nowhere = f"There is no host called {host}."
        raise ServiceUnreachable(nowhere, "Check the address.", billed=True) from error


def _is_loopback(place: str) -> bool:
    return ipaddress.ip_address(place).is_loopback


def _split(address: str) -> SplitResult:
    try:
        split = urlsplit(address)
        _ = split.port
    except ValueError as error:
        raise _unsafe("The answer holds no valid address.") from error
    return split


def _unsafe(message: str) -> HostedError:
    return UnsafeAddress(message, "Ask for the picture itself, or choose another service.", billed=True)
