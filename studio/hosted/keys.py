"""Keys of hosted models: typed, of the account that somebody signed in with, or of the environment. Never written."""

import os
import re
from collections.abc import Mapping

from pydantic import SecretStr

from studio.gate.identity import Identity, check_creates
from studio.hosted.providers import PROVIDERS
from studio.settings import Host

# What is recognised of a key in foreign words: services mask the middle of it, and show both ends.
RECOGNISED = 8
HIDDEN = "[key]"


class Keys:
    """The keys of one studio, each for its owner alone; those in the environment for who is at this machine.

    `shared` lets everybody use those.
    """

    def __init__(self, *, shared: bool) -> None:
        self._shared = shared
        self._typed: dict[tuple[str, str], SecretStr] = {}

    def put(self, who: Identity, host: str, key: str) -> None:
        """Keep somebody's key for a host, by its name; an empty one forgets it."""
        check_creates(who)
        if key.strip():
            self._typed[who.owner, host] = SecretStr(key.strip())
        else:
            self._typed.pop((who.owner, host), None)

    def hand_over(self, earlier: Identity, who: Identity) -> None:
        """Make the keys that one person typed another's, who keeps what they typed themselves."""
        for owner, host in [place for place in self._typed if place[0] == earlier.owner]:
            self._typed.setdefault((who.owner, host), self._typed.pop((owner, host)))

    def of(self, who: Identity, name: str, host: Host) -> SecretStr | None:
        """The key that a caller uses with the host; None where there is none."""
        typed = self._typed.get((who.owner, name))
        found = os.environ.get(host.key_env) if host.key_env and (who.here or self._shared) else None
        return typed or signed_in(who, host) or (SecretStr(found) if found else None)

    def known(self, who: Identity, hosts: Mapping[str, Host]) -> dict[str, str]:
        """Where the caller's key for each host comes from: "typed", "signed in", "environment" or ""."""
        return {name: self._source(who, name, host) for name, host in hosts.items()}

    def _source(self, who: Identity, name: str, host: Host) -> str:
        if (who.owner, name) in self._typed:
            return "typed"
        if signed_in(who, host):
            return "signed in"
        return "environment" if self.of(who, name, host) else ""


def signed_in(who: Identity, host: Host) -> SecretStr | None:
    """What a caller who signed in with Hugging Face pays with there; it goes to the hub's own router alone."""
    provider = PROVIDERS.get(host.provider)
    return who.hub_token if provider and provider.signs_in and host.base_url == provider.address() else None


def scrubbed(text: str, key: SecretStr | None) -> str:
    """Foreign words without the key, or any longer part of it, or what looks like one."""
    secret = key.get_secret_value() if key else ""
    length = min(RECOGNISED, len(secret))
    parts = {secret[at : at + length] for at in range(len(secret) - length + 1)} - {""}
    found = {at for at in range(len(text)) if text[at : at + length] in parts}
    hidden = {at + step for at in found for step in range(length)}
    bare = "".join("\0" if at in hidden else letter for at, letter in enumerate(text))
    return re.sub(r"\0+|\b(?:sk|key)-[\w*.-]{6,}", HIDDEN, bare)
