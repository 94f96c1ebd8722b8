"""What A1111 and its kin call their settings, in the letters and digits by which names are compared."""

import re
from collections.abc import Mapping

from studio.metadata.foreign_names import plain
from studio.metadata.imported import NO_PICTURE
from studio.recipe import setting_specs

# Where the schedule stands: in A1111, Fooocus, older Forge and SD.Next.
SCHEDULES = ("scheduletype", "scheduler", "schedule", "samplersigma")
TOGETHER = frozenset(
    {
        *SCHEDULES, "sampler", "size", "model", "denoisingstrength", "hiresupscale",
        "hiresscale", "hiressteps", "hiresupscaler", "hiresresize", "hiresstrength", "firstpasssize", "loraweights",
        "clipskip", "vae", "guidance", "civitairesources", "lorahashes", "modelhash", "version", "app",
        "rng", "hirescheckpoint", "refiner", "refinerswitchat",
    }
)  # fmt: skip
# They say how it was made, and set nothing.
FACTS = frozenset(
    {
        "vaehash", "tihashes", "hashes", "batchsize", "batchpos", "user", "createddate", "civitaimetadata", "rawprompt",
        "rawnegativeprompt", "metadatascheme", "performance", "parser", "pipeline", "operations", "backend",
    }
)  # fmt: skip
# What belongs to a picture that it started from, or to a map that it followed.
PICTURED = re.compile(r"denoisingstrength|mask.*|inpaint.*|postprocess.*|controlnet.*|initimage.*")
NOT_HERE = ("", "none", "automatic", "default", "defaultmodel")
STEP_NOISE = "the noise that the sampler adds at each step follows the seed alone here, so the picture will differ"
OURS = re.compile(r"Image Studio (\S+)")


def _fields() -> dict[str, str]:
    """What is read as it stands, by the names that stand beside the recipe's fields."""
    named = {name: setting.infotext for name, setting in setting_specs().items() if setting.infotext}
    words = {plain(word): name for name, theirs in named.items() for word in (theirs.name, *theirs.too)}
    apart = {word: name for word, name in words.items() if word not in TOGETHER and not PICTURED.fullmatch(word)}
    return {**apart, "width": "width", "height": "height"}


FIELDS: Mapping[str, str] = _fields()


def is_known(name: str) -> bool:
    """Whether a setting of this plain name is read, or sets nothing."""
    return name in FIELDS or name in TOGETHER or name in FACTS


def why_left(name: str) -> str:
    """Why a setting of this plain name has no place here, where there is more to say than that."""
    if name == "ensd":
        return STEP_NOISE
    return NO_PICTURE if PICTURED.fullmatch(name) else ""


def tool_of(settings: Mapping[str, str]) -> tuple[str, str]:
    """Which tool wrote these settings, and of what version, as far as they say."""
    given = {plain(name): value for name, value in settings.items()}
    version = given.get("version", "")
    if ours := OURS.match(version):
        return "Image Studio", ours[1]
    kinds = {
        "SD.Next": "next" in given.get("app", "").casefold(),
        "ComfyUI": version.casefold().startswith("comfy"),
        "Draw Things": "seedmode" in given,
        "Fooocus": version.startswith("Fooocus"),
        "stable-diffusion.cpp": "cpp" in version,
        "Forge": bool(re.match(r"f\d|neo|classic", version)),
        "Civitai": "civitairesources" in given and not version,
        "Krita AI Diffusion": given.get("modelhash") == "unknown",
        # A front end of AI Horde.
        "ArtBot": "model" in settings and settings.get("Sampler", "").startswith("k_"),
    }
    return next((tool for tool, is_it in kinds.items() if is_it), "A1111"), version
