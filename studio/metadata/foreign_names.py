"""What other tools call the samplers, schedules and upscalers that there are here too.

Names are compared without case, blanks and signs; what has no equal here keeps its name and is said.
"""

import re
from collections.abc import Mapping

from studio.schedulers import SCHEDULERS

LATENT, LANCZOS = "latent", "lanczos"
# Ours first, then how others write it.
SAMPLERS: Mapping[str, tuple[str, ...]] = {row.name: row.known_as for row in SCHEDULERS.values() if row.known_as}
# What Krita AI Diffusion calls a sampler with its schedule.
PRESETS: Mapping[str, tuple[str, str]] = {
    "Default - DPM++ 2M": ("dpmpp_2m", "karras"),
    "Alternative - Euler A": ("euler_ancestral", "normal"),
    "Creative - DPM++ 2M SDE": ("dpmpp_2m_sde", "karras"),
    "Fast - UniPC BH2": ("uni_pc_bh2", "gits"),
    "Turbo/Lightning Merge - DPM++ SDE": ("dpmpp_sde", "karras"),
    "Lightning Merge - Euler A Uniform": ("euler_ancestral", "sgm_uniform"),
    "Realtime - Hyper": ("euler", "sgm_uniform"),
    "Realtime - LCM": ("lcm", "sgm_uniform"),
    "Realtime - Lightning": ("euler", "sgm_uniform"),
    "SD3 - DPM++ 2M Uniform": ("dpmpp_2m", "sgm_uniform"),
    "Flux - Euler simple": ("euler", "simple"),
    "Flux - Turbo": ("euler", "simple"),
}
# Schedules that are as good as a sampler's own.
EVEN = frozenset(
    {
        "",
        "automatic",
        "uniform",
        "normal",
        "simple",
        "sgmuniform",
        "ddimuniform",
        "native",
        "discrete",
        "default",
        "none",
    }
)
SCHEDULES = (
    "karras", "exponential", "polyexponential", "simple", "normal", "sgm uniform", "uniform", "ddim uniform", "beta",
    "beta57", "trailing", "turbo", "align your steps", "ays", "kl optimal", "gits", "linear quadratic",
)  # fmt: skip
UPSCALERS: Mapping[str, str] = {
    "latent": LATENT,
    "latentantialiased": LATENT,
    "latentbicubic": LATENT,
    "latentbicubicantialiased": LATENT,
    "latentnearest": LATENT,
    "latentnearestexact": LATENT,
    "lanczos": LANCZOS,
    "none": LANCZOS,
    "bicubic": LANCZOS,
}
# What A1111 lists its upscalers as, and the files that these are.
FILES: Mapping[str, str] = {
    "resrgan4x": "realesrganx4plus",
    "resrgan4xanime6b": "realesrganx4plusanime6b",
    "resrgan2x": "realesrganx2plus",
}


def plain(name: str) -> str:
    """The letters and digits of a name, by which names are compared."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


OURS = {plain(word): ours for ours, words in SAMPLERS.items() for word in (ours, *words)}
SUFFIXES = sorted(((plain(word), word) for word in SCHEDULES), key=lambda pair: -len(pair[0]))


def scheduler(sampler: str, schedule: str = "") -> tuple[str, str]:
    """Our scheduler for a sampler and its schedule, and why that is not quite it; an unknown sampler keeps its name."""
    sampler, schedule = PRESETS.get(sampler.strip(), (sampler, schedule))
    ours, suffix = _split(sampler)
    if not ours:
        return sampler.strip(), ""
    wanted = schedule.strip() or suffix
    if plain(wanted) == "automatic":
        wanted = SCHEDULERS[ours].automatic
    whole = f"{ours} {wanted.title()}"
    if whole in SCHEDULERS:
        return whole, ""
    return ours, "" if plain(wanted) in EVEN else f"Schedule type {wanted}: {ours} has no such one here"


def _split(sampler: str) -> tuple[str, str]:
    """Our sampler, and the schedule that stands behind its name; no sampler where it is unknown."""
    bare = re.sub(r"^(?:sample_|k_(?=\w))", "", sampler.strip(), flags=re.IGNORECASE)
    word = plain(bare)
    for name in (plain(sampler), word):
        if name in OURS:
            return OURS[name], ""
    # InvokeAI says Karras in one letter.
    if word.endswith("k") and bare.endswith("_k") and word[:-1] in OURS:
        return OURS[word[:-1]], "karras"
    for suffix, schedule in SUFFIXES:
        if word.endswith(suffix) and word.removesuffix(suffix) in OURS:
            return OURS[word.removesuffix(suffix)], schedule
    return "", ""


def upscaler(name: str) -> tuple[str, str]:
    """Our upscaler for one of another tool, and why that is not quite it; one unknown here keeps its name."""
    word = plain(name)
    ours = UPSCALERS.get(word)
    if ours is None:
        return name, ""
    same = word in (ours, "none")
    return ours, "" if same else f"Upscaler {name}: {ours} is the nearest one here"


def same_upscaler(name: str, names: list[str]) -> str | None:
    """Which of `names` is that upscaler; None where none is."""
    word = plain(re.sub(r"\.(?:pth|pt|safetensors|bin)$", "", name))
    wanted = {word, FILES.get(word, word)}
    return next((one for one in names if plain(one) in wanted), None)
