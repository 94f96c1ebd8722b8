"""What a Hugging Face Space tells of itself by its environment; elsewhere, nothing of it is so."""

import os
from importlib.util import find_spec
from pathlib import Path

# Where a Space's bucket is mounted.
VOLUME = Path("/data")
# What the hub calls the hardware of ZeroGPU.
ZERO = "zero-a10g"
OAUTH = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")
# What somebody who signs in may allow: to pay hosted models with their account.
INFERENCE = "inference-api"
# What Gradio signs people in with; a Space installs it, a machine at home need not.
SIGNS_IN = ("authlib", "itsdangerous")


def name() -> str | None:
    """OWNER/NAME of the Space that this runs on; None elsewhere."""
    return os.environ.get("SPACE_ID") or None


def host() -> str | None:
    """The name that a Space is reached by; None elsewhere."""
    return os.environ.get("SPACE_HOST") or None if name() else None


def images() -> Path | None:
    """The folder for pictures that outlasts the Space's restarts; None where there is none.

    Only pictures: a bucket is no disk for databases, and a database can be made anew from the pictures.
    """
    return VOLUME / "images" if name() and os.access(VOLUME, os.W_OK) else None


def has_zero_gpu() -> bool:
    """Whether GPUs are lent for the length of a call."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def signs_in() -> bool:
    """Whether visitors can sign in with their account."""
    return bool(name()) and all(map(os.environ.get, OAUTH)) and all(map(find_spec, SIGNS_IN))
