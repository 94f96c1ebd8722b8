"""What a deployment is asked for, and what it tells on its way."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import SecretStr, TypeAdapter, ValidationError

from studio.errors import InvalidDeployment
from studio.hf_space import ZERO
from studio.parsing import fault_words
from studio.settings import Settings
from studio.suggestions import near

STARTER = "starter"
# The variable that chooses a model.
CHOSEN = "STUDIO_MODEL"
# The variables that are settings of the studio, which does not start with one that it does not know.
SETTINGS = {f"STUDIO_{name.upper()}": setting for name, setting in Settings.model_fields.items()}
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
FREE = (ZERO, "cpu-basic")
# How the keys of those who sell inference and storage look, and private keys.
KEYS = re.compile(
    rb"\b(hf_[A-Za-z0-9]{30,}|sk-[A-Za-z0-9_-]{20,}|AKIA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{36,}|xox[bap]-[A-Za-z0-9-]{20,})"
    rb"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
# Until paid hardware that nobody visits sleeps, and is not paid for.
SLEEP_SECONDS = 3600
StepName = Literal["account", "space", "upload", "build"]
# Who may open a Space, and who may see its files; protected, everybody opens it and only you see those.
Visibility = Literal["public", "protected", "private"]


@dataclass(frozen=True)
class DeployRequest:
    """A Space, `space` being OWNER/NAME, and what is to be on it.

    `models` are offered beside the embedded one, `loras` go along from the data folder; `secrets` and `variables` are
    those of the Space's environment, and variables can be read by everybody. With `keeps`, the Space's pictures live in
    a private bucket.
    """

    space: str
    hardware: str = ZERO
    visibility: Visibility = "public"
    models: tuple[str, ...] = ()
    loras: tuple[str, ...] = ()
    secrets: Mapping[str, SecretStr] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
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
    def environment(self) -> dict[str, str]:
        """All variables: where there is a GPU, the first of the asked models is chosen."""
        chosen = {CHOSEN: self.models[0]} if self.models and not self.hardware.startswith("cpu") else {}
        return chosen | dict(self.variables)

    @property
    def sleep_seconds(self) -> int | None:
        """When it sleeps where nobody visits it; None where that is the hub's to say."""
        return None if self.hardware in FREE else SLEEP_SECONDS

    def check(self) -> None:
        """InvalidDeployment where the name, the hardware, a variable or a secret cannot be."""
        from huggingface_hub import SpaceHardware
        from huggingface_hub.utils import HFValidationError, validate_repo_id

        try:
            validate_repo_id(self.space)
            validate_repo_id(self.bucket)
        except HFValidationError as error:
            raise InvalidDeployment(
                f"{self.space!r} is not a valid name for a Space.",
                "It takes letters, digits, '-', '_' and '.', neither first nor last, never two of them together.",
            ) from error
        if self.space.count("/") != 1:
            raise InvalidDeployment(f"{self.space!r} does not say whose Space it is.", "Write OWNER/NAME.")
        known = [hardware.value for hardware in SpaceHardware]
        if self.hardware not in known:
            raise InvalidDeployment(f"There is no hardware {self.hardware!r}.", near(self.hardware, known))
        for name, value in self.variables.items():
            _check_variable(name, value)
            if KEYS.search(value.encode()):
                raise InvalidDeployment(
                    f"The value of {name} looks like a key.", "Everybody can read it: make it a secret."
                )
        for name, secret in self.secrets.items():
            _check_variable(name, secret.get_secret_value())


@dataclass(frozen=True)
class StepReport:
    """Where it is: the step, one sentence, and the share of the step that is done (0 to 1) where that is known."""

    step: StepName
    words: str
    share: float | None = None


@dataclass(frozen=True)
class Logged:
    """One line of the Space's build."""

    line: str


# Called with what happened; raises Cancelled where it was stopped.
Report = Callable[[StepReport | Logged], None]


def _check_variable(name: str, value: str) -> None:
    """InvalidDeployment where it is no name, has no value, or would keep the studio from starting."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise InvalidDeployment(
            f"{name!r} is not a valid name for a variable or secret.", "It takes letters, digits and '_'."
        )
    if not value:
        raise InvalidDeployment(f"{name} has no value.", "Give it one, or leave it out.")
    if not name.startswith("STUDIO_"):
        return
    if name not in SETTINGS:
        raise InvalidDeployment(f"{name} is not a setting of the studio.", near(name, SETTINGS))
    kind: Any = Annotated[SETTINGS[name].annotation, SETTINGS[name]]
    adapter = TypeAdapter(kind)
    try:
        adapter.validate_json(value) if value.startswith("{") else adapter.validate_strings(value)
    except ValidationError as error:
        raise InvalidDeployment(f"{name}: {fault_words(error.errors()[0])}.", "Correct it, or leave it out.") from None
