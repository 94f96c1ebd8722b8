"""What comes from outside: no more than a limit, not after a deadline, and from no place that is private.

A service that answers with the address of a picture, or a person who names one, could otherwise have this machine read
from its own network. Nothing else here goes to an address that somebody else chose.
"""

import asyncio
import ipaddress
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit

import psutil
from pydantic import SecretStr

from studio.errors import (
    AnswerCutOff,
    AnswerMalformed,
    AnswerTooLarge,
    Busy,
    HostedError,
    InvalidRequest,
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
# How an address on the web begins.
WEB = re.compile(r"https?://", re.IGNORECASE)
PORTS = {"http": 80, "https": 443}
# What a person names by its address: how large it may be, how long it may take, and how many are fetched at once, since
# whoever is asked may take all of that time.
MOST_BROUGHT, BRING_SECONDS = 2**25, 20.0
BRINGING = threading.BoundedSemaphore(4)
# What no version of Python calls private and may lead to it: kept for protocols, and IPv6 that stands for IPv4 (NAT64
# of either kind, 6to4, Teredo, compatible, mapped) or for a site.
SPECIAL = ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
SPECIAL_NETWORKS = tuple(map(ipaddress.ip_network, (*SPECIAL, "::ffff:0:0/96", "fec0::/10")))


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
        _check_unpacked(response)
        stream = response.stream
        assert isinstance(stream, httpx2.SyncByteStream)  # noqa: S101 - that of a client that does not wait on others
        response.stream = Bounded(stream)

    return bound


def _check_unpacked(answer: "httpx2.Response") -> None:
    """Unpacked, a small answer can fill the memory; it was asked for as it is."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise AnswerMalformed(
            "The service compressed its answer without being asked.", "Ask its operator.", billed=True
        )


def too_large(most_bytes: int) -> HostedError:
    """What is said of an answer above the limit."""
    most = f"the limit is {most_bytes / 2**20:.0f} MB."
    return AnswerTooLarge(f"The answer is too large: {most}", "Ask for a smaller picture.", billed=True)


def fetch(address: str, own: str, seconds: float, most_bytes: int = MOST_BYTES) -> bytes:
    """What is at the address that a service at `own` answered with; HostedError where it is not to be gone to.

    It is to be a public place and https, or the service's own. Redirects are not followed.
    """
    split = _split(address)
    found = _get(split, _place_of_service(split, _split(own)), seconds, most_bytes)
    if isinstance(found, bytes):
        return found
    raise _unsafe("The picture's address redirects to another one, which is not followed.")


def bring(address: str, field: str | None = None) -> bytes:
    """The picture that somebody names by its address; InvalidRequest on `field` where it does not come, Busy.

    It is to be at a public place, and so is whatever that leads on to. Whether it is a picture, the reader finds.
    """
    if not BRINGING.acquire(blocking=False):
        raise Busy("Too many pictures are being fetched.", "Try again in a moment.", wait_seconds=2)
    until = time.monotonic() + BRING_SECONDS
    try:
        for _ in range(MOST_REDIRECTS):
            split = _split(address)
            found = _get(split, _public_place(split), max(until - time.monotonic(), 0), MOST_BROUGHT)
            if isinstance(found, bytes):
                return found
            address = urljoin(address, found.address)
        raise _unsafe("The address redirects too often.")
    except HostedError as error:
        raise InvalidRequest(error.message, "Send the picture itself.", field=field) from error
    finally:
        BRINGING.release()


def is_public(place: str) -> bool:
    """Whether a numeric address is one of the internet's, and none of this machine's own."""
    address = ipaddress.ip_address(place)
    is_special = address.is_multicast or any(address in network for network in SPECIAL_NETWORKS)
    return address.is_global and not is_special and place not in _own_addresses()


@dataclass(frozen=True)
class _Onward:
    """Where an address leads on to."""

    address: str


def _get(split: SplitResult, place: str, seconds: float, most_bytes: int) -> bytes | _Onward:
    """What is at an address that was looked up already; HostedError where it does not come whole, and in time."""
    import httpx2

    try:
        return asyncio.run(_got(split, place, seconds, most_bytes))
    except (TimeoutError, httpx2.TimeoutException) as error:
        late = f"The picture did not arrive within {seconds:.0f} seconds."
        raise ServiceTimeout(late, "Try again later.", billed=True) from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise AnswerCutOff("The picture arrived incomplete.", "Try again.", billed=True) from error


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
            place = _place_of_service(split, _split(own))
            sent = {**headers, "host": split.netloc, "accept-encoding": "identity"}
            if key and split[:2] == _split(own)[:2]:
                sent["authorization"] = f"Bearer {key.get_secret_value()}"
            pinned = httpx2.URL(address).copy_with(host=place)
            with client.stream("GET", pinned, headers=sent, extensions={"sni_hostname": split.hostname}) as answer:
                if not answer.is_redirect:
                    yield answer
                    return
                address = urljoin(address, answer.headers.get("location", ""))
    raise _unsafe("The address redirects too often.")


async def _got(split: SplitResult, place: str, seconds: float, most_bytes: int) -> bytes | _Onward:
    import httpx2

    # To the place that was looked up and none that the name may come to mean meanwhile.
    pinned = httpx2.URL(split.geturl()).copy_with(host=place, port=_port(split), fragment=None)
    headers = {"host": split.netloc, "accept-encoding": "identity"}
    names: dict[str, Any] = {"sni_hostname": str(split.hostname)}
    # All of it together, its head too: what comes byte by byte would never be late.
    async with (
        asyncio.timeout(seconds),
        httpx2.AsyncClient(timeout=seconds, trust_env=False) as client,
        client.stream("GET", pinned, headers=headers, extensions=names) as answer,
    ):
        if answer.is_redirect:
            return _Onward(answer.headers.get("location", ""))
        if answer.status_code != httpx2.codes.OK:
            gone = f"The picture's address answered with {answer.status_code}."
            raise ServiceFailed(gone, "Try again.", billed=True)
        _check_unpacked(answer)
        body = bytearray()
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > most_bytes:
                raise too_large(most_bytes)
        return bytes(body)


def _place_of_service(split: SplitResult, own: SplitResult) -> str:
    """The numeric address to connect to for what a service at `own` told: a public one and https, or its own."""
    found, port = _looked_up(split), _port(split)
    if (split.scheme, port) == (own.scheme, own.port or PORTS.get(own.scheme)):
        if split.hostname == own.hostname:
            return found[0]
        if own.hostname and all(map(_is_loopback, (*found, *_looked_up(own)))):
            return found[0]
    if split.scheme != "https":
        raise _unsafe(f"The answer points to {split.hostname} without encryption.")
    return _only_public(split, found)


def _public_place(split: SplitResult) -> str:
    """The numeric address to connect to for what a person named: no other port than that of pages."""
    found = _looked_up(split)
    if _port(split) != PORTS[split.scheme]:
        raise _unsafe(f"Pictures are fetched from port {PORTS[split.scheme]} only.")
    return _only_public(split, found)


def _only_public(split: SplitResult, found: Sequence[str]) -> str:
    if not all(map(is_public, found)):
        raise _unsafe(f"{split.hostname} is not a public address, so nothing is fetched from there.")
    return found[0]


def _looked_up(split: SplitResult) -> list[str]:
    """The numeric addresses of a place; HostedError where there is none, or this is no address of one."""
    if split.username or split.password or split.scheme not in PORTS or not split.hostname:
        raise _unsafe("This is not a valid address.")
    try:
        found = socket.getaddrinfo(split.hostname, _port(split), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        nowhere = f"There is no host called {split.hostname}."
        raise ServiceUnreachable(nowhere, "Check the address.", billed=True) from error
    # A zone says by which card, not where.
    return [str(place[4][0]).partition("%")[0] for place in found]


def _own_addresses() -> set[str]:
    """Those of this machine: what listens there may be closed to everybody else."""
    held = (one for several in psutil.net_if_addrs().values() for one in several)
    return {one.address.partition("%")[0] for one in held if one.family in (socket.AF_INET, socket.AF_INET6)}


def _port(split: SplitResult) -> int:
    return split.port or PORTS[split.scheme]


def _is_loopback(place: str) -> bool:
    return ipaddress.ip_address(place).is_loopback


def _split(address: str) -> SplitResult:
    try:
        split = urlsplit(address)
        _ = split.port
    except ValueError as error:
        raise _unsafe("This is not a valid address.") from error
    return split


def _unsafe(message: str) -> HostedError:
    return UnsafeAddress(message, "Ask for the picture itself, or choose another service.", billed=True)
