"""Addresses of files: each opens for the owner that it was made for, and names no place on the disk.

An address carries a code over its owner and its name, by a key that never leaves the data folder. So knowing a name, or
even an address, gives nobody anything: the one who asks has to be the owner, too. Nothing has to be remembered.
"""

import hmac
import os
import secrets
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

PREFIX = "studio/pictures/"
# The owner of what everybody on the page may see: small pictures of styles and LoRAs.
EVERYBODY = ""
CODE_LENGTH, KEY_BYTES = 32, 32


class Addresses:
    """The addresses of files below `roots`, each known by a name."""

    def __init__(self, key: bytes, roots: Mapping[str, Path]) -> None:
        self._key = key
        self._roots = {name: folder.resolve() for name, folder in roots.items()}

    def of(self, path: Path, owner: str) -> str:
        """The address of a file for this owner, relative to the page."""
        return PREFIX + quote(self.token(path, owner))

    def token(self, path: Path, owner: str) -> str:
        """The same without what makes it an address: what a page says to mean this file."""
        name = self._name(path)
        return f"{self._code(name, owner)}/{name}"

    def find(self, token: str, owner: str) -> Path | None:
        """The file that a token means; None where it is none of this owner's, or gone."""
        code, _, name = token.partition("/")
        if not any(hmac.compare_digest(code.encode(), self._code(name, one).encode()) for one in (owner, EVERYBODY)):
            return None
        root, _, rest = name.partition("/")
        path = self._roots[root] / rest
        return path if path.is_file() else None

    def _name(self, path: Path) -> str:
        """The root's name and the way from there; ValueError where the file lies below no root."""
        whole = path.resolve()
        for root, folder in self._roots.items():
            if whole.is_relative_to(folder):
                return f"{root}/{whole.relative_to(folder).as_posix()}"
        raise ValueError(f"{path} is in none of the folders that are served.")

    def _code(self, name: str, owner: str) -> str:
        return hmac.new(self._key, f"{owner}\0{name}".encode(errors="surrogatepass"), sha256).hexdigest()[:CODE_LENGTH]


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
