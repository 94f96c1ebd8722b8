"""What a picture's file says of where it comes from: that a trained algorithm made it, and who signed that (C2PA)."""

import importlib.util
import json
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from studio import __version__
from studio.errors import InvalidSetting
from studio.recipe import Recipe

# The vocabulary of the press, which C2PA took over: https://cv.iptc.org/newscodes/digitalsourcetype/
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
PROPERTY = "Iptc4xmpExt:DigitalSourceType"
LIBRARY = "c2pa"
INSTALL = "Install it: pip install 'image-studio[provenance]'"
# The algorithm that a key signs by: elliptic curves by their bits, and what else C2PA takes.
CURVES = {256: "ES256", 384: "ES384", 521: "ES512"}


def source_type(recipe: Recipe) -> str:
    """What the vocabulary calls a picture of this recipe: made, changed or only enlarged by an algorithm."""
    if recipe.init_image is None:
        return f"{IPTC}trainedAlgorithmicMedia"
    return f"{IPTC}{'compositeWithTrainedAlgorithmicMedia' if recipe.denoises else 'algorithmicallyEnhanced'}"


@dataclass(frozen=True)
class Certificate:
    """A chain of certificates and its private key, as PEM files of the studio's owner."""

    chain: Path
    key: Path

    def check(self) -> None:
        """InvalidSetting where nothing can be signed by it: files or the library are missing, or do not fit."""
        if importlib.util.find_spec(LIBRARY) is None:
            raise InvalidSetting(
                "Pictures cannot be signed: c2pa-python is not installed.", INSTALL, field="provenance"
            )
        sample = BytesIO()
        Image.new("RGB", (8, 8)).save(sample, "PNG")
        self.sign(sample.getvalue(), "image/png", Recipe())

    def sign(self, picture: bytes, mime: str, recipe: Recipe) -> bytes:
        """The file of a picture with a signed manifest that says how it came about; InvalidSetting."""
        from c2pa import Builder, C2paError

        signed = BytesIO()
        try:
            with self._signer() as signer, Builder(_manifest(recipe)) as builder:
                builder.sign(signer, mime, BytesIO(picture), signed)
        except C2paError as error:
            raise self._fault() from error
        return signed.getvalue()

    def _signer(self) -> Any:
        from c2pa import C2paError, C2paSignerInfo, Signer

        chain, key = self._read
        try:
            return Signer.from_info(C2paSignerInfo(_algorithm(key), chain, key, None))
        except (C2paError, ValueError, TypeError) as error:
            raise self._fault() from error

    @cached_property
    def _read(self) -> tuple[bytes, bytes]:
        try:
            return self.chain.read_bytes(), self.key.read_bytes()
        except OSError as error:
            fault = f"{error.filename} cannot be read: {error.strerror}."
            raise InvalidSetting(
                fault, "Name the PEM files of your certificate and its key.", field="provenance"
            ) from error

    def _fault(self) -> InvalidSetting:
        return InvalidSetting(
            f"Nothing can be signed with {self.chain.name} and {self.key.name}.",
            "Give a chain of certificates for signing (PEM, its own first) and its private key without a password.",
            field="provenance",
        )


def _algorithm(key: bytes) -> bytes:
    """How a key signs; ValueError, TypeError where it is none that C2PA takes."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    loaded = load_pem_private_key(key, None)
    if isinstance(loaded, EllipticCurvePrivateKey):
        return CURVES.get(loaded.key_size, "").lower().encode()
    if isinstance(loaded, Ed25519PrivateKey):
        return b"ed25519"
    if isinstance(loaded, RSAPrivateKey):
        return b"ps256"
    raise ValueError(type(loaded).__name__)


def _manifest(recipe: Recipe) -> str:
    agent = {"name": "Image Studio", "version": __version__}
    action = {"action": "c2pa.created", "digitalSourceType": source_type(recipe), "softwareAgent": agent}
    actions = {"label": "c2pa.actions.v2", "data": {"actions": [action]}}
    return json.dumps({"claim_generator_info": [agent], "assertions": [actions]})
