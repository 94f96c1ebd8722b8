"""Models that others host: what each takes, can do and costs, read from presets/hosted, and where it is reached.

A hosted model is named `host:model`, such as `openai:gpt-image-2`, where `host` is one of the settings', or by its
address, `https://example.org/v1:model`.
"""

import logging
import os
import re
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from studio.errors import InvalidPreset, InvalidRecipe, InvalidRequest, UnknownModel
from studio.presets.reading import read_toml, toml_files
from studio.settings import PRESETS, Host, Settings
from studio.spelling import folded, normalized

log = logging.getLogger(__name__)

OPENAI = "openai"
OPENAI_URL = "https://api.openai.com/v1"
OPENAI_KEY = "OPENAI_API_KEY"
SIZE = re.compile(r"(\d{2,5})x(\d{2,5})")
Ability = Literal["edit", "mask", "stream"]
Setting = Literal["size", "quality", "style", "background", "moderation", "input_fidelity", "complexity"]
Dollars = Annotated[float, Field(ge=0)]
# A partial image counts as so many tokens of output.
PARTIAL_TOKENS = 100
# What the service adds to a prompt: seen are 6 tokens for a new picture and up to 80 for each picture that is given.
ADDED_TOKENS = 100


class Price(BaseModel):
    """What a model cost on a day, in US dollars: for a million tokens, or for an image by quality and size.

    The rest is for an estimate beforehand, which may be too high and never too low. An image takes `tokens`, by quality
    and size, or what `token_axis` gives, by quality (see `_axis_tokens`). A picture that is given to be edited takes at
    most `picture_tokens`, by input fidelity or for "any". Where a service published none of these, they are those of a
    model before it, and the estimate is `margin` times as high.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    date: date
    text_in: Dollars | None = None
    image_in: Dollars | None = None
    image_out: Dollars | None = None
    images: Mapping[str, Mapping[str, Dollars]] = {}
    tokens: Mapping[str, Mapping[str, Annotated[int, Field(ge=0)]]] = {}
    token_axis: Mapping[str, Annotated[int, Field(ge=1)]] = {}
    picture_tokens: Mapping[str, Annotated[int, Field(ge=0)]] = {}
    margin: Annotated[float, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _can_be_known(self) -> "Price":
        rates = (self.text_in, self.image_in, self.image_out)
        if not self.images and None in rates:
            raise ValueError("give `images`, or all of text_in, image_in and image_out")
        return self


@dataclass(frozen=True)
class Usage:
    """The tokens that a service counted."""

    text_in: int = 0
    image_in: int = 0
    image_out: int = 0


class HostedModel(BaseModel):
    """What a hosted model takes. Of each of its `settings`, the first choice is sent where none is made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    service: str = OPENAI
    abilities: tuple[Ability, ...] = ()
    settings: Mapping[Setting, tuple[str, ...]] = {}
    # Whether it has to be told to answer with the picture itself, not with an address.
    response_format: bool = False
    most_images: Annotated[int, Field(ge=1, le=10)] = 1
    shutdown: date | None = None
    successor: str = ""
    price: Price | None = None

    def chosen(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Every setting that is sent, with these choices; InvalidRecipe where the model does not take one.

        A model that nothing is known of takes them all.
        """
        for name, value in settings.items():
            if name not in get_args(Setting):
                raise _no_setting(self.name, name, tuple(self.settings) or get_args(Setting))
            if self.settings and name not in self.settings:
                raise _no_setting(self.name, name, tuple(self.settings))
            choices = self.settings.get(name, ())  # type: ignore[call-overload]
            if choices and value not in choices:
                known = f"It takes {', '.join(choices)}."
                raise InvalidRecipe("model", f"{self.name} has no {name} “{value}”.", known)
        return {**{str(name): choices[0] for name, choices in self.settings.items()}, **settings}

    def retired(self, today: date) -> str:
        """A sentence where its service has ended it; else empty."""
        if self.shutdown is None or self.shutdown > today:
            return ""
        return f"{self.name} was shut down on {self.shutdown.isoformat()}."

    def estimate(self, settings: Mapping[str, str], prompt: str, pictures: int = 0, partials: int = 0) -> float | None:
        """What one image costs at most, as far as is known; None where nothing is.

        `pictures` are given to be edited, `partials` are looks while it works.
        """
        price = self.price
        if price is None:
            return None
        if (flat := _dearest(price.images, settings)) is not None:
            return flat
        tokens = _axis_tokens(price.token_axis, settings) or _dearest(price.tokens, settings)
        if tokens is None or (pictures and not price.picture_tokens):
            return None
        # A token of the services is at least one byte of the text.
        words = len(prompt.encode()) + ADDED_TOKENS * (1 + pictures)
        given = pictures * _picture_tokens(price.picture_tokens, settings)
        return _of_usage(price, Usage(words, given, ceil(tokens) + partials * PARTIAL_TOKENS)) * price.margin

    def cost(self, settings: Mapping[str, str], usage: Usage | None, images: int) -> float | None:
        """What a call did cost; None where that cannot be known."""
        if self.price is None:
            return None
        if usage is not None and self.price.image_out is not None:
            return _of_usage(self.price, usage)
        flat = _dearest(self.price.images, settings)
        return None if flat is None else flat * images


def is_hosted(model: str | None) -> bool:
    """Whether a recipe's model is named as hosted ones are."""
    return ":" in (model or "")


def parted(name: str) -> tuple[str, dict[str, str]]:
    """Model and settings of `openai:gpt-image-2?quality=low`."""
    model, _, said = name.partition("?")
    return model, dict(parse_qsl(said, keep_blank_values=True))


def joined(model: str, settings: Mapping[str, str]) -> str:
    """The name that `parted` takes apart."""
    return f"{model}?{urlencode(sorted(settings.items()))}" if settings else model


@dataclass(frozen=True)
class Offer:
    """A hosted model where it is reached; `sent` is what it is called there."""

    name: str
    host_name: str
    host: Host
    model: HostedModel
    sent: str

    @property
    def place(self) -> str:
        """The host's name for people."""
        return "OpenAI" if self.host_name == OPENAI else self.host_name

    @property
    def label(self) -> str:
        """Its name for people, with the host's where that is not the model's own service."""
        return self.model.name if self.host_name == self.model.service else f"{self.model.name} · {self.host_name}"

    def estimate(self, settings: Mapping[str, str], prompt: str, pictures: int = 0, partials: int = 0) -> float | None:
        """As the model's; None where the host's prices are not those of the model's file."""
        return self.model.estimate(settings, prompt, pictures, partials) if self._priced else None

    def cost(self, settings: Mapping[str, str], usage: Usage | None, images: int) -> float | None:
        """As the model's; None where the host's prices are not those of the model's file."""
        return self.model.cost(settings, usage, images) if self._priced else None

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """The sizes that it makes, its usual one first; none where it takes any."""
        found = (SIZE.fullmatch(size) for size in self.model.settings.get("size", ()))
        return [(int(size[1]), int(size[2])) for size in found if size]

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
        folders = (PRESETS / "hosted", settings.home / "presets" / "hosted")
        self.models: dict[str, HostedModel] = {}
        self.faults: dict[Path, InvalidPreset] = {}
        for path, fault in toml_files(*folders):
            try:
                if fault:
                    raise fault
                self.models[normalized(path.stem)] = read_toml(path, HostedModel)
            except InvalidPreset as error:
                self.faults[path] = error
                log.warning("Left out: %s", error)
        address = os.environ.get("OPENAI_BASE_URL") or OPENAI_URL
        own = Host(base_url=address, key_env=OPENAI_KEY, priced=True)
        self.hosts: Mapping[str, Host] = {OPENAI: own, **settings.hosts}

    def offers(self) -> list[Offer]:
        """Each model with a file at its own service, and each deployment of the hosts."""
        own = [f"{model.service}:{model.id}" for model in self.models.values() if model.service in self.hosts]
        named = [f"{name}:{sent}" for name, host in self.hosts.items() for sent in host.deployments]
        return [self[name] for name in dict.fromkeys((*own, *named))]

    def __getitem__(self, name: str) -> Offer:
        """The model of this name or address; ModelError where there can be none."""
        if "://" in name:
            return self._at_address(name)
        host_name, _, sent = name.partition(":")
        host = self.hosts.get(host_name)
        if host is None or not sent:
            near = get_close_matches(host_name, self.hosts, 1)
            known = f"Known are {', '.join(self.hosts)}." + (f" Did you mean {near[0]}?" if near else "")
            raise UnknownModel(
                f"There is no host of models “{host_name}”.", f"{known} Others are named in the settings."
            )
        return Offer(name, host_name, host, self._model(host.deployments.get(sent, sent)), sent)

    def _model(self, id: str) -> HostedModel:  # noqa: A002
        fault = next((fault for path, fault in self.faults.items() if folded(path.stem) == folded(id)), None)
        if fault and id not in self.models:
            raise copy(fault)
        return self.models.get(id) or HostedModel(id=id, name=id, service="", abilities=("edit", "mask"))

    def _at_address(self, name: str) -> Offer:
        """`https://host/v1:model`. A key of the environment goes to the host that it belongs to, and nowhere else."""
        scheme, _, rest = name.partition("://")
        place, slash, path = rest.partition("/")
        path, colon, sent = path.partition(":")
        address = f"{scheme}://{place}{slash}{path}"
        try:
            split = urlsplit(address)
            named = (host.key_env for host in self.hosts.values() if _origin(host.base_url) == _origin(address))
            host = Host(base_url=address, key_env=next(named, ""))
        except ValueError as error:  # pydantic's is one, too
            raise _no_address(name) from error
        if not (colon and sent):
            raise _no_address(name)
        return Offer(name, split.netloc, host, self._model(sent), sent)


def _origin(address: str) -> tuple[Any, ...]:
    split = urlsplit(address)
    return split.scheme, split.hostname, split.port


def _dearest(table: Mapping[str, Mapping[str, float]], settings: Mapping[str, str]) -> float | None:
    """What the table has for a quality and size, or the most of what they may come to."""
    by_size = [table[settings["quality"]]] if settings.get("quality") in table else list(table.values())
    found = [_sized(sizes, settings.get("size", "")) for sizes in by_size if sizes]
    return max(found) if found else None


def _axis_tokens(axes: Mapping[str, int], settings: Mapping[str, str]) -> int | None:
    """The tokens of an image in which an axis of its longer side has so many; None where its size is not known.

    OpenAI's own calculator counts so; https://community.openai.com/t/1382699 has it in words, and all of the published
    prices per image agree to the token.
    """
    size = SIZE.fullmatch(settings.get("size", ""))
    if not (axes and size):
        return None
    short, long = sorted((int(size[1]), int(size[2])))
    quality = settings.get("quality", "")
    axis = axes[quality] if quality in axes else max(axes.values())
    narrow = (2 * axis * short + long) // (2 * long)
    return ceil(axis * narrow * (2_000_000 + short * long) / 4_000_000)


def _picture_tokens(known: Mapping[str, int], settings: Mapping[str, str]) -> int:
    return known.get(settings.get("input_fidelity", ""), max(known.values(), default=0))


def _sized(sizes: Mapping[str, float], size: str) -> float:
    """By size, else scaled by area from the dearest that is known."""
    if size in sizes:
        return sizes[size]
    known, value = max(sizes.items(), key=lambda item: item[1])
    asked, own = SIZE.fullmatch(size), SIZE.fullmatch(known)
    if not (asked and own):
        return value
    return value * max(1, int(asked[1]) * int(asked[2]) / (int(own[1]) * int(own[2])))


def _of_usage(price: Price, usage: Usage) -> float:
    rates = (price.text_in, price.image_in, price.image_out)
    counts = (usage.text_in, usage.image_in, usage.image_out)
    return sum((rate or 0) * count for rate, count in zip(rates, counts, strict=True)) / 1e6


def _no_setting(model: str, name: str, known: tuple[str, ...]) -> InvalidRecipe:
    return InvalidRecipe("model", f"{model} takes no “{name}”.", f"It takes {', '.join(known)}.")


def _no_address(name: str) -> InvalidRequest:
    hint = "Write it as https://example.org/v1:model, with no name or password in it."
    return InvalidRequest(f"“{name}” is no address of a hosted model.", hint)
