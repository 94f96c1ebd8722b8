"""What can go wrong: a class a cause. Each error says what happened and what helps, and docs/errors.md lists them all.

Below StudioError stand the causes; those without a code of their own are groups, which are caught and never raised.
`Cancelled` is a stopped job, and no error.
"""

from copy import copy
from typing import Any, ClassVar, Self, TypedDict


class Fault(TypedDict):
    """What is told of an error: its code, what happened and what helps, and of which field and which part of it."""

    code: str
    message: str
    hint: str
    field: str | None
    part: int | None


class StudioError(Exception):
    """A fault with its cure: `message` says what happened, `hint` what to do about it.

    `field` names what is at fault, where one thing is: a field of the recipe, a setting, an option. `part` tells which
    of several, counted from 0, where the field holds several and that is known. `code` is the cause in a stable word,
    `status` the one of HTTP.
    """

    code: ClassVar[str] = ""
    status: ClassVar[int] = 500

    def __init_subclass__(cls, *, code: str = "", status: int = 0) -> None:
        cls.code = code
        cls.status = status or cls.status

    def __init__(self, message: str, hint: str = "", *, field: str | None = None, part: int | None = None) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint
        self.field = field
        self.part = part

    def __reduce__(self) -> tuple[Any, ...]:
        """Whole again where it crosses to another process: of an exception only the arguments would."""
        return _again, (type(self), vars(self))

    def about(self, field: str | None) -> Self:
        """The same error, of this field, or of none."""
        error = copy(self)
        error.field = field
        return error

    @property
    def sentence(self) -> str:
        """What happened and what helps, in one line."""
        return " ".join(f"{self.message} {self.hint}".split())

    def __str__(self) -> str:
        return self.sentence

    def as_fault(self) -> Fault:
        """What programs, the page and the command line are told of it."""
        return Fault(code=self.code, message=self.message, hint=self.hint, field=self.field, part=self.part)


def causes() -> dict[str, type[StudioError]]:
    """Every cause by its code; groups have none."""
    found: list[type[StudioError]] = []
    kinds = [StudioError]
    while kinds:
        kind = kinds.pop(0)
        found.append(kind)
        kinds = [*kind.__subclasses__(), *kinds]
    return {kind.code: kind for kind in found if kind.code}


def from_fault(fault: Fault) -> StudioError:
    """The error that told this of itself."""
    facts = {name: value for name, value in fault.items() if name != "code"}
    return _again(causes().get(fault["code"], InternalError), facts)


def _again(kind: type[StudioError], facts: dict[str, Any]) -> StudioError:
    error = kind.__new__(kind, facts["message"], facts["hint"])
    vars(error).update(facts)
    return error


# What was asked for is not valid.


class InvalidRecipe(StudioError, code="invalid_recipe", status=422):
    """A field of the recipe is not valid, or does not go with the others."""

    field: str

    def __init__(self, field: str, message: str, hint: str = "", part: int | None = None) -> None:
        super().__init__(message, hint, field=field, part=part)

    def __str__(self) -> str:
        return f"{self.field}: {self.sentence}"


class InvalidPrompt(InvalidRecipe, code="invalid_prompt"):
    """A prompt cannot be read; the message tells line and column."""

    def __init__(self, field: str, text: str, position: int, fault: str, hint: str = "") -> None:
        """`position` is the offset in `text` of the `fault`, at most the text's length."""
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


class PromptRefused(InvalidRecipe, code="prompt_refused"):
    """The prompt filter of the studio makes no picture of these words."""


class InvalidSetting(StudioError, code="invalid_setting", status=422):
    """A setting of the studio, or an option of a command, is not valid."""


class InvalidPreset(StudioError, code="invalid_preset", status=422):
    """A preset, a style list or a wildcard list cannot be read or saved as it is."""


class InvalidRequest(StudioError, code="invalid_request", status=422):
    """What was asked for is not valid, and is no recipe."""


class InvalidDeployment(StudioError, code="invalid_deployment", status=422):
    """A Space cannot be made of what was asked for."""


class InvalidTrainingData(StudioError, code="invalid_training_data", status=422):
    """Nothing can be learned from these pictures, captions or words."""


class Unreadable(StudioError, code="unreadable", status=422):
    """A file or a stored record is damaged, or does not hold what it should."""


class Unauthorized(StudioError, code="unauthorized", status=401):
    """There is no token, or it is not accepted."""


class Refused(StudioError, code="refused", status=403):
    """Whoever asks may not do this here."""


class NotFound(StudioError, code="not_found", status=404):
    """There is nothing of this name or id, or it belongs to somebody else."""


class AlreadyExists(StudioError, code="already_exists", status=409):
    """The name is taken, and nothing is overwritten."""


class InUse(StudioError, code="in_use", status=409):
    """Something else needs it right now."""


class Busy(StudioError, code="busy", status=429):
    """As much is waiting, or being asked, as may be at once.

    `wait_seconds` is when it may be asked again, where that is known.
    """

    def __init__(self, message: str, hint: str = "", *, wait_seconds: float | None = None) -> None:
        super().__init__(message, hint)
        self.wait_seconds = wait_seconds


# A request that the server does not let in.


class MalformedRequest(StudioError, code="malformed_request", status=400):
    """A request that cannot be read, or did not arrive whole."""


class MethodNotAllowed(StudioError, code="method_not_allowed", status=405):
    """An address that is not asked in this way."""


class RequestTimeout(StudioError, code="request_timeout", status=408):
    """A request that did not arrive in time."""


class RequestTooLarge(StudioError, code="request_too_large", status=413):
    """A request that brings more than it may."""


class WrongContentType(StudioError, code="wrong_content_type", status=415):
    """A request of another content type than its address takes."""


class UnknownHost(StudioError, code="unknown_host", status=421):
    """A request to a host name that is not the studio's."""


# Models, and all that has weights.


class ModelError(StudioError, status=422):
    """A model, LoRA, ControlNet or anything else with weights cannot be used."""


class UnknownModel(ModelError, code="unknown_model", status=404):
    """There is no model of this name."""


class AmbiguousModel(ModelError, code="ambiguous_model"):
    """Several could be meant by this name."""


class NotDownloaded(ModelError, code="not_downloaded", status=409):
    """Its weights, or something that it needs, are not on this disk."""


class DownloadNotAgreed(ModelError, code="download_not_agreed", status=409):
    """It has to be downloaded, that is gigabytes, and nobody has agreed to it yet."""


class DamagedModel(ModelError, code="damaged_model"):
    """Its files are damaged, incomplete or cannot be read."""


class UnsupportedModel(ModelError, code="unsupported_model"):
    """It is of a kind or format that cannot be used."""


class UnsafeModel(ModelError, code="unsafe_model"):
    """It could run any program when it is opened."""


class IncompatibleModel(ModelError, code="incompatible_model"):
    """It does not fit the model, or what else it is used with."""


class NotOnHub(ModelError, code="not_on_hub", status=404):
    """The hub has no such repository, revision or file, or hides it from this machine's account."""


class DownloadRefused(ModelError, code="download_refused", status=403):
    """The hub does not give it to this machine's account, which lacks a licence, a right or a valid token."""


class DownloadFailed(ModelError, code="download_failed", status=502):
    """It could not be downloaded: the hub or the way there failed."""


# The machine.


class StorageError(StudioError, status=507):
    """Something cannot be written."""


class DiskFull(StorageError, code="disk_full"):
    """The disk has not enough room."""


class LibraryFull(StorageError, code="library_full"):
    """Somebody's pictures take as much room as they may."""


class NotWritable(StorageError, code="not_writable"):
    """A file or folder cannot be written."""


class DeviceError(StudioError, status=503):
    """The device cannot do what was asked."""


class OutOfMemory(DeviceError, code="out_of_memory"):
    """The memory of the device, or of this machine, does not suffice."""


class DeviceFailed(DeviceError, code="device_failed"):
    """The device does not compute, or is not lent."""


class QuotaExceeded(DeviceError, code="quota_exceeded", status=429):
    """As much of a lent graphics card was used as may be."""


class NumericOverflow(DeviceError, code="numeric_overflow"):
    """The numbers of a model overflowed: an image came out as none, or black."""


class DeviceLost(DeviceError, code="device_lost"):
    """The device does nothing more for this program, which has to be started again; no job is at fault."""


class EngineEnded(DeviceError, code="engine_ended"):
    """The engine ended while it was at this; it is started anew by itself."""


class Closing(StudioError, code="closing", status=503):
    """The studio is being closed."""


class JobStopped(StudioError, code="job_stopped", status=409):
    """The job was stopped before it was done."""


class Withheld(StudioError, code="withheld", status=422):
    """The safety layer of the studio does not give away what was made."""


class InternalError(StudioError, code="internal_error", status=500):
    """Something broke that nobody foresaw; the log tells more."""

    def __init__(self, error: Exception, hint: str = "Try again; the details are in the studio's log.") -> None:
        super().__init__(f"Something went wrong inside the studio ({type(error).__name__}).", hint)


# Others, over the network.


class HubUnreachable(StudioError, code="hub_unreachable", status=502):
    """Hugging Face does not answer."""


class HubRefused(StudioError, code="hub_refused", status=502):
    """Hugging Face does not do what was asked of it."""


class DeploymentFailed(StudioError, code="deployment_failed", status=502):
    """The Space was made, and does not run."""


class HostedError(StudioError, status=502):
    """A hosted model gave no picture.

    `billed` says whether the call may have been charged all the same. `wait_seconds` is when it may be asked again,
    where nothing can have been charged.
    """

    def __init__(
        self, message: str, hint: str = "", *, billed: bool = False, wait_seconds: float | None = None
    ) -> None:
        super().__init__(message, hint)
        self.billed = billed
        self.wait_seconds = wait_seconds


class KeyRefused(HostedError, code="key_refused", status=403):
    """The service needs a key, or does not take this one."""


class OverBudget(HostedError, code="over_budget", status=429):
    """It would cost more than may be spent today."""


class OutOfCredit(HostedError, code="out_of_credit", status=402):
    """The account at the service has no credit left."""


class RateLimited(HostedError, code="rate_limited", status=429):
    """The service was asked too often."""


class Moderated(HostedError, code="moderated", status=422):
    """The service does not make this picture, for what it shows."""


class CallRefused(HostedError, code="call_refused", status=422):
    """The service does not take these settings."""


class ModelRetired(HostedError, code="model_retired", status=410):
    """The service does not have this model, or no longer."""


class ServiceFailed(HostedError, code="service_failed"):
    """The service broke down."""


class ServiceUnreachable(HostedError, code="service_unreachable"):
    """The service does not answer."""


class ServiceTimeout(HostedError, code="service_timeout", status=504):
    """The service took too long."""


class AnswerCutOff(HostedError, code="answer_cut_off"):
    """The answer of the service broke off."""


class AnswerMalformed(HostedError, code="answer_malformed"):
    """The answer of the service cannot be read."""


class AnswerTooLarge(HostedError, code="answer_too_large"):
    """The answer of the service, or its picture, is too large."""


class AnswerNotPicture(HostedError, code="answer_not_picture"):
    """What the service sent is no picture."""


class UnsafeAddress(HostedError, code="unsafe_address"):
    """The service points to an address that is not to be gone to."""


class Cancelled(BaseException):
    """The job was stopped; raised out of `report` at the next step. No library swallows it."""
