"""What a deployment is asked for, and what it tells on its way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from studio.errors import DeployError
from studio.space import ZERO

STARTER = "starter"
# The variable that chooses a model.
CHOSEN = "STUDIO_MODEL"
# What a person calls each, with the hub's price for an hour; the hub's own list may have grown since.
HARDWARE = {
    ZERO: "ZeroGPU, shared and free",
    "cpu-basic": "2 CPU cores, for PRO accounts",
    "cpu-upgrade": "8 CPU cores, $0.03 an hour",
    "t4-small": "NVIDIA T4, 16 GB, $0.40 an hour",
    "t4-medium": "NVIDIA T4 with more memory, $0.60 an hour",
    "l4x1": "NVIDIA L4, 24 GB, $0.80 an hour",
    "a10g-small": "NVIDIA A10G, 24 GB, $1.00 an hour",
    "l40sx1": "NVIDIA L40S, 48 GB, $1.80 an hour",
    "a100-large": "NVIDIA A100, 80 GB, $2.50 an hour",
}
STEPS = ("account", "space", "upload", "build")
StepName = Literal["account", "space", "upload", "build"]


@dataclass(frozen=True)
class Order:
    """A Space, `space` being OWNER/NAME, and what is to be on it.

    `models` are offered beside the embedded one, `loras` go along from the data folder, `secrets` are names in the
    environment. With `keeps`, the Space's pictures live in a private bucket.
    """

    space: str
    hardware: str = ZERO
    private: bool = False
    models: tuple[str, ...] = ()
    loras: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    keeps: bool = True

    @property
    def owner(self) -> str:
        """The account or organization."""
        return self.space.split("/")[0]

    @property
    def bucket(self) -> str:
        """Where its pictures live."""
        return f"{self.space}-library"

    @property
    def variables(self) -> dict[str, str]:
        """The settings that are not as everywhere: where there is a GPU, the first of the asked models is chosen."""
        return {CHOSEN: self.models[0]} if self.models and not self.hardware.startswith("cpu") else {}

    def check(self) -> None:
        """DeployError where the name or the hardware cannot be."""
        from huggingface_hub import SpaceHardware
        from huggingface_hub.utils import HFValidationError, validate_repo_id

        try:
            validate_repo_id(self.space)
            validate_repo_id(self.bucket)
        except HFValidationError as error:
            raise DeployError(
                f"{self.space!r} cannot be the name of a Space.",
                "It takes letters, digits, '-', '_' and '.', neither first nor last, never two of them together.",
            ) from error
        if self.space.count("/") != 1:
            raise DeployError(f"{self.space!r} does not say whose Space it is.", "Write OWNER/NAME.")
        known = [hardware.value for hardware in SpaceHardware]
        if self.hardware not in known:
            raise DeployError(f"There is no hardware {self.hardware!r}.", f"Choose one of {', '.join(known)}.")


@dataclass(frozen=True)
class Told:
    """Where it is: the step, one sentence, and the share of the step that is done (0 to 1) where that is known."""

    step: StepName
    words: str
    share: float | None = None


@dataclass(frozen=True)
class Logged:
    """One line of the Space's build."""

    line: str


# Called with what happened; raises Cancelled where it was stopped.
Report = Callable[[Told | Logged], None]
