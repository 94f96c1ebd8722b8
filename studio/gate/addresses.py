"""Addresses of files: each opens for the owner that it was made for, and names no place on the disk.

An address carries a code over its owner and its name, by a key that never leaves the data folder. So knowing a name, or
even an address, gives nobody anything: the one who asks has to be the owner, too. Nothing has to be remembered.
"""

import hmac
import os
import secrets
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from studio.gate.identity import Identity

PREFIX = "studio/pictures/"
# Who may see what everybody on the page may: small pictures of styles and LoRAs.
EVERYBODY = Identity("nobody", "")
CODE_LENGTH, KEY_BYTES = 32, 32


class Addresses:
    """The addresses of files below `roots`, each known by a name."""

    def __init__(self, key: bytes, roots: Mapping[str, Path]) -> None:
        self._key = key
        self._roots = {name: folder.resolve() for name, folder in roots.items()}

    def of(self, path: Path, who: Identity) -> str:
        """The address of a file for who asks, relative to the page."""
        return PREFIX + quote(self.token(path, who))

    def token(self, path: Path, who: Identity) -> str:
        """The same without what makes it an address: what a page says to mean this file."""
        name = self._name(path)
        return f"{self._code(name, who)}/{name}"

    def find(self, token: str, who: Identity) -> Path | None:
        """The file that a token means; None where it is none for who asks, or gone."""
        code, _, name = token.partition("/")
        if not any(hmac.compare_digest(code.encode(), self._code(name, one).encode()) for one in (who, EVERYBODY)):
            return None
        root, _, rest = name.partition("/")
        path = self._roots[root] / rest
        return path if path.is_file() else None

    def _name(self, path: Path) -> str:
        """The root's name and the way from there; ValueError where the file lies below no root."""
        # A folder is looked up once; of its files, only a link leads elsewhere.
        whole = path.resolve() if path.is_symlink() else _resolved(path.parent) / path.name
        for root, folder in self._roots.items():
            if whole.is_relative_to(folder):
                return f"{root}/{whole.relative_to(folder).as_posix()}"
        raise ValueError(f"{path} is in none of the folders that are served.")

    def _code(self, name: str, who: Identity) -> str:
        return hmac.new(self._key, f"{who.owner}\0{name}".encode(errors="surrogatepass"), sha256).hexdigest()[
            :CODE_LENGTH
        ]


@lru_cache(maxsize=4096)
def _resolved(folder: Path) -> Path:
    return folder.resolve()


def kept_key(path: Path) -> bytes:
    """The key in this file, which is made where there is none, for its user alone to read."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        # Whoever of two comes first: the other takes the same.
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_bytes()
