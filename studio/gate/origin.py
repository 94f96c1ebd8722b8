"""Where a request comes from: by which name the studio was called, from which site, and through what."""

import ipaddress
import socket
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers

from studio import hf_space
from studio.settings import Settings

# What proxies add. None of it is believed; that it is there says that somebody stands between.
FORWARDED = (
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
    "cf-connecting-ip",
    "true-client-ip",
)
OWN = ("same-origin", "none")


def host_name(host: str) -> str:
    """A Host header without its port and the dot that ends a whole name, in small letters; empty where it is none."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1 : host.find("]")] if "]" in host else ""
    return (host.rsplit(":", 1)[0] if host.count(":") == 1 else host).removesuffix(".")


def is_loopback(name: str) -> bool:
    """Whether this is a name that always means this machine."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost"
    # As a socket of both kinds tells an address of the older.
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def is_own_name(name: str, settings: Settings) -> bool:
    """Whether the studio answers to this name: any other may be a foreign site's, pointed at this machine.

    A name of digits cannot be. A Space is behind the hub's proxy, and public anyhow.
    """
    if hf_space.name() or is_loopback(name) or name in settings.hostnames:
        return True
    if settings.alone:
        return False
    return _is_address(name) or name in _machine_names()


def is_foreign(headers: Headers, settings: Settings) -> bool:
    """Whether a browser sends this for a page of another origin: another port is one, too.

    Browsers say so by themselves, and no page can keep them from it; a program says nothing, and is not foreign. What
    is said twice has to be so both times.
    """
    if any(site not in OWN for site in headers.getlist("sec-fetch-site")):
        return True
    origins = {origin.partition("://")[2].lower() for origin in headers.getlist("origin")}
    return bool(origins) and not origins <= _own_hosts(headers, settings)


def is_navigation(headers: Mapping[str, str]) -> bool:
    """Whether a person follows a link, which a browser tells; older ones tell nothing."""
    return headers.get("sec-fetch-mode", "navigate") == "navigate" and "origin" not in headers


def is_through_proxy(headers: Mapping[str, str]) -> bool:
    """Whether somebody stands between the caller and the studio."""
    return any(name in headers for name in FORWARDED)


def is_own_proxy(client: str, settings: Settings) -> bool:
    """Whether whoever runs the studio put this proxy before it: at this machine, or named in the settings."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return False
    return is_loopback(client) or any(address in network for network in settings.proxies)


def is_secure(scope: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    """Whether the caller's own connection is encrypted, to a proxy where there is one."""
    return bool(scope.get("scheme") == "https" or headers.get("x-forwarded-proto", "").startswith("https"))


def address(scope: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """The address by which the caller reached the studio, without a path; the gate has looked at its name."""
    host = headers.get("x-forwarded-host") or headers.get("host", "")
    return f"http{'s' if is_secure(scope, headers) else ''}://{host}"


def _own_hosts(headers: Mapping[str, str], settings: Settings) -> set[str]:
    """What an Origin of the studio's own page may say behind its scheme."""
    host = headers.get("host", "").lower()
    named = {f"{name}{port}" for name in settings.hostnames for port in ("", _port(host))}
    return {host, *named, *filter(None, [hf_space.host(), headers.get("x-forwarded-host", "").lower()])}


def _port(host: str) -> str:
    tail = host.rsplit("]", 1)[-1]
    return f":{tail.rpartition(':')[2]}" if ":" in tail else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _machine_names() -> set[str]:
    name = socket.gethostname().lower()
    return {name, f"{name}.local", name.partition(".")[0]}
