"""What can go wrong, as one tree; each error says what happened and what the creator can do.

StudioError             anything the studio says to a person
├── RecipeError         a setting of the recipe cannot be; names the field
│   └── PromptError     a prompt cannot be read; knows the place in its text
├── SettingsError       a studio setting (argument, environment, file) cannot be
├── PresetError         a preset file cannot be read; names file and key
├── ModelError          a model that is missing, damaged, refused or unknown
├── DeviceError         the device cannot do it: out of memory
│   └── DeviceLostError the device does nothing more for this program, which has to be started again
├── LibraryError        an image cannot be stored or read back
├── HostedError         a hosted model gave no picture; `kind` says in a word why
├── DeployError         a Space cannot be made or brought up to date
├── TrainingError       pictures or captions that nothing can be learned from
└── JobError            a job that is not there or belongs to somebody else
Cancelled               a stopped job; a BaseException, so that no library swallows it
"""


class StudioError(Exception):
    """A fault with its cure: `message` says what happened, `hint` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class RecipeError(StudioError):
    """A recipe field that cannot be; `field` is its name in `Recipe`.

    `part` tells which of several, counted from 0, where the field holds several and that is known.
    """

    def __init__(self, field: str, message: str, hint: str = "", part: int | None = None) -> None:
        super().__init__(message, hint)
        self.field = field
        self.part = part

    def __str__(self) -> str:
        return f"{self.field}: {super().__str__()}"


class PromptError(RecipeError):
    """A prompt that cannot be read; `position` is the offset in `text` of the `fault`, at most the text's length."""

    def __init__(self, field: str, text: str, position: int, fault: str, hint: str = "") -> None:
        self.text = text
        self.position = position
        self.fault = fault
        super().__init__(field, f"Line {self.line}, column {self.column}: {fault}", hint)

    @property
    def line(self) -> int:
        """Counted from 1."""
        return self.text.count("\n", 0, self.position) + 1

    @property
    def column(self) -> int:
        """Counted from 1."""
        return self.position - self.text.rfind("\n", 0, self.position)

    @property
    def excerpt(self) -> str:
        """The words around the place, and below them a caret that points at it."""
        start = self.position - self.column + 1
        left = max(start, self.position - 30)
        words = self.text[left : self.position + 30].split("\n")[0]
        return f"{words}\n{' ' * (self.position - left)}^"


class SettingsError(StudioError):
    """A studio setting that cannot be."""


class PresetError(StudioError):
    """A preset file that cannot be read; the message names file and key."""


class ModelError(StudioError):
    """A model that is missing, damaged, refused or unknown."""


class DeviceError(StudioError):
    """The device cannot do what was asked."""


class DeviceLostError(DeviceError):
    """The device does nothing more for this program, which has to be started again; no job is at fault."""


class LibraryError(StudioError):
    """An image cannot be stored or read back."""


class HostedError(StudioError):
    """A hosted model gave no picture.

    `kind` is one of: auth, budget, cut off, malformed, moderation, not an image, quota, rate, request, retired,
    service, timeout, too large, unreachable, unsafe address. `billed` says whether the call may have been charged
    all the same. `wait_seconds` is when it may be asked again, where nothing can have been charged.
    """

    def __init__(
        self, kind: str, message: str, hint: str = "", *, billed: bool = False, wait_seconds: float | None = None
    ) -> None:
        super().__init__(message, hint)
        self.kind = kind
        self.billed = billed
        self.wait_seconds = wait_seconds


class DeployError(StudioError):
    """A Space cannot be made or brought up to date: an order that cannot be, or the hub refuses."""


class TrainingError(StudioError):
    """Pictures or captions that nothing can be learned from."""


class JobError(StudioError):
    """A job that is not there, or belongs to somebody else."""


class Cancelled(BaseException):
    """The job was stopped; raised out of `report` at the next step."""
