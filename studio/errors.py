"""What can go wrong, as one tree; each error says what happened and what the creator can do.

StudioError             anything the studio says to a person
├── RecipeError         a setting of the recipe cannot be; names the field
├── SettingsError       a studio setting (argument, environment, file) cannot be
├── PresetError         a preset file cannot be read; names file and key
├── ModelError          a model that is missing, damaged, refused or unknown
├── DeviceError         the device cannot do it: out of memory, lost
├── LibraryError        an image cannot be stored or read back
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
    """A recipe field that cannot be; `field` is its name in `Recipe`."""

    def __init__(self, field: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.field = field

    def __str__(self) -> str:
        return f"{self.field}: {super().__str__()}"


class SettingsError(StudioError):
    """A studio setting that cannot be."""


class PresetError(StudioError):
    """A preset file that cannot be read; the message names file and key."""


class ModelError(StudioError):
    """A model that is missing, damaged, refused or unknown."""


class DeviceError(StudioError):
    """The device cannot do what was asked."""


class LibraryError(StudioError):
    """An image cannot be stored or read back."""


class JobError(StudioError):
    """A job that is not there, or belongs to somebody else."""


class Cancelled(BaseException):
    """The job was stopped; raised out of `report` at the next step."""
