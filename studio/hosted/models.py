"""Models that others host: what each takes, can do and costs, read from presets/hosted, and where it is reached.

A hosted model is named `host:model`, such as `openai:gpt-image-2`, where `host` is one of the settings', or by its
address, `https://example.org/v1:model`.
"""

import logging
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from studio.errors import InvalidPreset, InvalidRecipe, InvalidRequest, InvalidSetting, UnknownModel
from studio.hosted.prices import Price, sides
from studio.hosted.providers import PROVIDERS
from studio.hosted.providers.base import Provider
from studio.parsing import fault_words
from studio.presets.reading import read_toml, toml_files
from studio.settings import PRESETS, Host, Settings
from studio.shorthand import folded, normalized
from studio.suggestions import near

log = logging.getLogger(__name__)

# What models and hosts speak that name no provider.
OPENAI = "openai"
Ability = Literal["edit", "mask", "stream"]


class HostedModel(BaseModel):
    """What a hosted model takes. Of each of its `settings`, the first choice is sent where none is made; one without
    choices takes anything.

    `service` is the host that is its own, `provider` the language that it is asked in there. `takes` are fields of a
    recipe beside prompt, size and pictures, `defaults` what the service takes for those that are left open; `fixed` is
    sent with each request. `sent` is what the service calls it, where that is not the file's name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    service: str = OPENAI
    provider: Annotated[str, Field(validate_default=True)] = ""
    abilities: tuple[Ability, ...] = ()
    takes: frozenset[str] = frozenset()
    defaults: Mapping[str, int | float | str] = {}
    settings: Mapping[str, tuple[str, ...]] = {}
    fixed: Mapping[str, str | int | float | bool] = {}
    most_images: Annotated[int, Field(ge=1, le=10)] = 1
    shutdown: date | None = None
    successor: str = ""
    price: Price | None = None
    sent: str = ""

    @field_validator("provider")
    @classmethod
    def _known_provider(cls, name: str, info: ValidationInfo) -> str:
        found = name or (info.data["service"] if info.data.get("service") in PROVIDERS else OPENAI)
        if found not in PROVIDERS:
            raise ValueError(f"there is no provider {found}; known are {', '.join(PROVIDERS)}")
        return str(found)

    @field_validator("settings", "takes", "defaults")
    @classmethod
    def _known_names(cls, given: Any, info: ValidationInfo) -> Any:
        provider = PROVIDERS[info.data.get("provider", OPENAI)]
        known = {"settings": provider.settings, "takes": provider.takes, "defaults": info.data.get("takes", ())}
        name = str(info.field_name)
        if stray := sorted(set(given) - set(known[name])):
            raise ValueError(
                f"{stray[0]} is none of {', '.join(sorted(known[name])) or 'what it takes, which is nothing'}"
            )
        return given

    @field_validator("price", mode="before")
    @classmethod
    def _reckoned(cls, given: Any, info: ValidationInfo) -> Any:
        """The price as its provider reckons."""
        try:
            return PROVIDERS[info.data.get("provider", OPENAI)].price.model_validate(given)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise ValueError(f"{'.'.join(map(str, first['loc'])) or 'it'}: {fault_words(first)}") from error

    def chosen(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Every setting that is sent, with these choices; InvalidRecipe where the model does not take one.

        A model that nothing is known of takes all that its provider knows.
        """
        known = tuple(self.settings) or tuple(PROVIDERS[self.provider].settings)
        for name, value in settings.items():
            if name not in known:
                raise _no_setting(self.name, name, known)
            choices = self.settings.get(name, ())
            if choices and value not in choices:
                known_choices = f"It takes {', '.join(choices)}."
                raise InvalidRecipe("model", f"{self.name} has no {name} “{value}”.", known_choices)
        return {**{name: choices[0] for name, choices in self.settings.items() if choices}, **settings}

    def retired(self, today: date) -> str:
        """A sentence where its service has ended it; else empty."""
        if self.shutdown is None or self.shutdown > today:
            return ""
        return f"{self.name} was shut down on {self.shutdown.isoformat()}."

    def estimate(self, settings: Mapping[str, str], prompt: str, pictures: int = 0, partials: int = 0) -> float | None:
        """What one image costs at most, as far as is known; None where nothing is.

        `pictures` are given to be edited, `partials` are looks while it works.
        """
        return self.price.estimate(settings, prompt, pictures, partials) if self.price else None

    def cost(self, settings: Mapping[str, str], usage: object, images: int) -> float | None:
        """What a call did cost; None where that cannot be known."""
        return self.price.cost(settings, usage, images) if self.price else None


def is_hosted(model: str | None) -> bool:
    """Whether a recipe's model is named as hosted ones are."""
    return ":" in (model or "")


def parted(name: str) -> tuple[str, dict[str, str]]:
    """Model and settings of `openai:gpt-image-2?quality=low`."""
    model, _, query = name.partition("?")
    return model, dict(parse_qsl(query, keep_blank_values=True))


def joined(model: str, settings: Mapping[str, str]) -> str:
    """The name that `parted` takes apart."""
    return f"{model}?{urlencode(sorted(settings.items()))}" if settings else model


@dataclass(frozen=True)
class HostedEndpoint:
    """A hosted model where it is reached; `sent` is what it is called there."""

    name: str
    host_name: str
    host: Host
    model: HostedModel
    sent: str

    @property
    def place(self) -> str:
        """The host's name for people."""
        return place(self.host_name)

    @property
    def provider(self) -> Provider:
        """The language that its host is asked in."""
        return PROVIDERS[self.host.provider]

    @property
    def label(self) -> str:
        """Its name for people, with the host's where that is not the model's own service."""
        return self.model.name if self.host_name == self.model.service else f"{self.model.name} · {self.host_name}"

    def estimate(self, settings: Mapping[str, str], prompt: str, pictures: int = 0, partials: int = 0) -> float | None:
        """As the model's; None where the host's prices are not those of the model's file."""
        return self.model.estimate(settings, prompt, pictures, partials) if self._priced else None

    def cost(self, settings: Mapping[str, str], usage: object, images: int) -> float | None:
        """As the model's; None where the host's prices are not those of the model's file."""
        return self.model.cost(settings, usage, images) if self._priced else None

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """The sizes that it makes, its usual one first; none where it takes any."""
        return [size for one in self.model.settings.get("size", ()) if (size := sides(one))]

    def sized(self, settings: Mapping[str, str], width: int | None, height: int | None) -> dict[str, str]:
        """These settings with the size of a recipe, where the model is told one."""
        takes = "size" in self.model.settings or not self.model.settings
        return {**settings, "size": f"{width}x{height}"} if takes and width and height else dict(settings)

    @property
    def _priced(self) -> bool:
        return self.host.priced or self.model.service == self.host_name


class Hosted:
    """The hosted models that there are files of, and the hosts of the settings.

    `faults` says by file what is wrong with those that cannot be read; they are left out.
    """

    def __init__(self, settings: Settings) -> None:
        own = {name: _own(name) for name, provider in PROVIDERS.items() if provider.address()}
        self.hosts: Mapping[str, Host] = {**own, **settings.hosts}
        for name, host in self.hosts.items():
            if host.provider not in PROVIDERS:
                unknown = f"hosts.{name}: there is no provider “{host.provider}”."
                raise InvalidSetting(unknown, near(host.provider, PROVIDERS), field="hosts")
        self.models: dict[str, HostedModel] = {}
        self.faults: dict[Path, InvalidPreset] = {}
        for path, fault in toml_files(PRESETS / "hosted", settings.home / "presets" / "hosted"):
            try:
                if fault:
                    raise fault
                self.models[normalized(path.stem)] = self._read(path)
            except InvalidPreset as error:
                self.faults[path] = error
                log.warning("Left out: %s", error)

    def _read(self, path: Path) -> HostedModel:
        """The model of a file; InvalidPreset where it is in another language than its service."""
        model = read_toml(path, HostedModel)
        host = self.hosts.get(model.service)
        if host and host.provider != model.provider:
            fault = (
                f"{path}: its service {model.service} is asked as {host.provider} is, the model as {model.provider}."
            )
            raise InvalidPreset(fault, f'Say `provider = "{host.provider}"` in the file.')
        return model

    def endpoints(self) -> list[HostedEndpoint]:
        """Each model with a file at its own service, and each deployment of the hosts."""
        own = [f"{model.service}:{model.id}" for model in self.models.values() if model.service in self.hosts]
        named = [f"{name}:{sent}" for name, host in self.hosts.items() for sent in host.deployments]
        return [self[name] for name in dict.fromkeys((*own, *named))]

    def __getitem__(self, name: str) -> HostedEndpoint:
        """The model of this name or address; ModelError where there can be none."""
        if "://" in name:
            return self._at_address(name)
        host_name, _, sent = name.partition(":")
        host = self.hosts.get(host_name)
        if host is None or not sent:
            raise UnknownModel(
                f"There is no model host “{host_name}”.",
                f"{near(host_name, self.hosts)} Others are named in the settings.",
            )
        model = self._model(host.deployments.get(sent, sent), host.provider)
        own = host_name == model.service and model.sent
        return HostedEndpoint(name, host_name, host, model, own or sent)

    def _model(self, id: str, provider: str) -> HostedModel:  # noqa: A002
        """The model of a file; one that nothing is known of takes whatever its provider knows."""
        fault = next((fault for path, fault in self.faults.items() if folded(path.stem) == folded(id)), None)
        if fault and id not in self.models:
            raise copy(fault)
        known = self.models.get(id) or next((one for one in self.models.values() if one.sent == id), None)
        if known and known.provider == provider:
            return known
        spoken = PROVIDERS[provider]
        facts: Any = {"abilities": spoken.abilities, "takes": spoken.takes}
        return HostedModel(id=id, name=id, service="", provider=provider, **facts)

    def _at_address(self, name: str) -> HostedEndpoint:
        """`https://host/v1:model`. A key of the environment goes to the host that it belongs to, and nowhere else."""
        scheme, _, rest = name.partition("://")
        place, slash, path = rest.partition("/")
        path, colon, sent = path.partition(":")
        address = f"{scheme}://{place}{slash}{path}"
        try:
            split = urlsplit(address)
            same = next(
                (one for one in self.hosts.values() if _origin(one.base_url) == _origin(address)),
                Host(base_url=address),
            )
            host = Host(base_url=address, provider=same.provider, key_env=same.key_env)
        except ValueError as error:  # pydantic's is one, too
            raise _no_address(name) from error
        if not (colon and sent):
            raise _no_address(name)
        return HostedEndpoint(name, split.netloc, host, self._model(sent, host.provider), sent)


def place(host: str) -> str:
    """A host's name for people."""
    return PROVIDERS[host].label if host in PROVIDERS else host


def _own(provider: str) -> Host:
    """The service that a provider is the language of."""
    known = PROVIDERS[provider]
    return Host(base_url=known.address(), provider=provider, key_env=known.key_env, priced=True)


def _origin(address: str) -> tuple[Any, ...]:
    split = urlsplit(address)
    return split.scheme, split.hostname, split.port


def _no_setting(model: str, name: str, known: tuple[str, ...]) -> InvalidRecipe:
    return InvalidRecipe("model", f"{model} takes no “{name}”.", f"It takes {', '.join(known)}.")


def _no_address(name: str) -> InvalidRequest:
    hint = "Write it as https://example.org/v1:model, with no name or password in it."
    return InvalidRequest(f"“{name}” is not the address of a hosted model.", hint)
