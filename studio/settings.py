"""How this studio is set up: argument over STUDIO_* environment over `settings.toml` in the home over default."""

import ipaddress
import os
import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableSetting

from studio.errors import InvalidSetting
from studio.parsing import ParseError, fault_words, load_toml
from studio.recipe.values import Numerics
from studio.suggestions import near

FOLDERS = ("images", "models", "loras", "embeddings", "controlnets", "ip-adapters", "upscalers")
ASSETS = Path(__file__).resolve().parent.parent / "assets"
PRESETS = Path(__file__).resolve().parent.parent / "presets"


# Each part of the safety layer: not there, told and shown, or nothing gets past it. See docs/safety.md.
Strictness = Literal["off", "on", "strict"]


def default_home() -> Path:
    """The data folder where none is named: one in the user's home."""
    return Path.home() / "ImageStudio"


class Host(BaseModel):
    """Where hosted models are reached: any address that speaks the language of a provider, by default OpenAI's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+[^\s?#@]*$")]
    provider: str = "openai"
    # The environment variable that holds its key; the key itself is never in a file.
    key_env: str = ""
    # Azure's, with the version of its interface; each model there is a deployment with a name of its own.
    azure_version: str = ""
    # What its models are called there, and the model that each is.
    deployments: Mapping[str, str] = {}
    # Whether it charges what the models' files say.
    priced: bool = False
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 300


def _split(names: Any) -> Any:
    """Names that are written with commas between them, in small letters and without ports."""
    found = names.split(",") if isinstance(names, str) else names
    if not isinstance(found, list | tuple):
        return found
    return tuple(str(name).strip().lower().rsplit(":", 1)[0] for name in found if str(name).strip())


def _listed(networks: Any) -> Any:
    """Networks that are written with commas between them."""
    return [part.strip() for part in networks.split(",") if part.strip()] if isinstance(networks, str) else networks


# One of several devices: its kind, and which card of that kind.
DeviceName = Annotated[str, Field(pattern=r"^((cuda|xpu):\d{1,3}|cpu|mps)$")]


class Settings(BaseSettings):
    """Everything that can be set about the studio itself; an unknown name is an error."""

    model_config = SettingsConfigDict(env_prefix="STUDIO_", frozen=True, extra="forbid", env_ignore_empty=True)

    home: Path = Field(default_factory=default_home, description="The data folder.")
    host: str = Field("127.0.0.1", description="The address the page is served at.")
    port: int = Field(7860, ge=0, le=65535, description="The port the page is served at; 0 takes a free one.")
    accounts: Literal["auto", "on", "off"] = Field(
        "auto", description="Whether everybody has to sign in; auto: if other machines can reach the page."
    )
    huggingface_login: Literal["off", "viewer", "creator"] = Field(
        "off",
        description="Whether people can also sign in with Hugging Face if there are accounts, and with which role.",
    )
    public: bool = Field(
        False, description="Whether the page may be served to other machines without accounts, with `accounts` off."
    )
    hostnames: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        (),
        description="Names that the studio answers to besides its own, separated by commas: those that a proxy uses.",
    )
    proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_listed)] = Field(
        (),
        description="Addresses or networks of your proxies, separated by commas, that say where a request came from.",
    )
    max_upload_mb: int = Field(1024, ge=1, le=65536, description="The largest upload, in megabytes.")
    model: str = Field("starter", description="The model of a recipe that names none.")
    device: Literal["auto", "cuda", "xpu", "mps", "cpu"] = Field("auto", description="Where models run.")
    engine: Literal["auto", "inside", "process"] = Field(
        "auto",
        description="Whether models run inside the studio, or in a process of their own: what breaks down there takes "
        "neither the page nor the queue with it; auto is a process for studio run.",
    )
    devices: Annotated[tuple[DeviceName, ...], NoDecode, BeforeValidator(_listed)] = Field(
        (),
        description="Several devices that make pictures at the same time, separated by commas, such as cuda:0,cuda:1.",
    )
    offload: Literal["auto", "none", "model", "sequential"] = Field(
        "auto", description="What is kept off the card while it is not in use; auto decides by free memory."
    )
    memory_gb: float | None = Field(
        None, gt=0, description="The most device memory that the studio may use, in gigabytes; unlimited if not set."
    )
    precision: Literal["auto", "float32", "float16", "bfloat16"] = Field(
        "auto", description="The number format of models; auto chooses what suits the model and device."
    )
    cuda_graphs: Literal["auto", "off"] = Field(
        "auto",
        description="Whether the steps of UNets are launched on an NVIDIA card as CUDA graphs, where they can be: the "
        "same bytes, sooner; off takes less of the card's memory.",
    )
    threads: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="How many threads compute on the CPU; the last bits of a picture depend on it.",
    )
    side_by_side: int = Field(
        8,
        ge=1,
        le=64,
        description="How many pictures are made together on this device, sharing each step of the model; 1 makes one "
        "after another.",
    )
    numerics: Numerics = Field(
        "auto",
        description="How exactly a picture can be repeated, byte for byte, when several share the steps of a model: "
        "solo, free or exact; auto is exact on a card where that costs almost nothing, otherwise free.",
    )
    output_check: Strictness = Field(
        "off",
        description="Whether each picture is checked for content not fit for all: on marks and blurs it, strict "
        "withholds it.",
    )
    output_threshold: float = Field(
        0.5,
        gt=0,
        le=1,
        description="How sure the classifier of the output check has to be; lower values flag more pictures.",
    )
    prompt_filter: Strictness = Field(
        "off",
        description="Whether prompts are checked against the list of words: on notes what it finds, strict refuses it.",
    )
    watermark: Strictness = Field(
        "off",
        description="Whether pictures carry an invisible id: on leaves out those that are too small for it, "
        "strict withholds them.",
    )
    image_format: Literal["png", "webp", "jpeg"] = Field(
        "png",
        description="The format of stored pictures: png, webp (also lossless, and smaller) or jpeg, which is lossy.",
    )
    provenance: Strictness = Field(
        "off",
        description="Whether pictures say that an algorithm made them: on writes it into XMP, as the press does; "
        "strict has it signed as well (C2PA), with your certificate.",
    )
    certificate: Path | None = Field(
        None, description="The chain of certificates that pictures are signed with: a PEM file, yours first."
    )
    certificate_key: Path | None = Field(None, description="The private key of that certificate: a PEM file.")
    max_images: int = Field(64, ge=1, le=1024, description="The most images one job may ask for.")
    max_cells: int = Field(256, ge=1, le=4096, description="The most pictures one grid may have.")
    library_mb: int | None = Field(
        None, ge=1, description="How much space one person's pictures may take, in megabytes; unlimited if not set."
    )
    max_waiting: int = Field(200, ge=1, description="The most jobs that may wait in line.")
    max_waiting_each: int | None = Field(None, ge=1, description="The most jobs of one person that may wait in line.")
    jobs_per_minute: int | None = Field(None, ge=1, description="The most jobs that one person may start in a minute.")
    jobs_per_minute_all: int | None = Field(
        None, ge=1, description="The most jobs that all people together may start in a minute."
    )
    work_per_minute: int | None = Field(
        None,
        ge=1,
        description="The most maps, imports and exports that one person may ask for in a minute; these are not jobs.",
    )
    max_megapixels: float | None = Field(None, gt=0, description="The most megapixels that one picture may have.")
    max_steps: int | None = Field(None, ge=1, description="The most steps that one pass of a picture may take.")
    log_format: Literal["text", "json"] = Field(
        "text",
        description="How the log is written: as text, or as one JSON object per line, with job ids and requests.",
    )
    civitai: Annotated[str, Field(pattern=r"^(https?://[^\s/?#@]+[^\s?#@]*)?$")] = Field(
        "https://civitai.com",
        description="The site where LoRAs are looked up by hash and downloaded by address, on request; empty: none.",
    )
    hosts: Mapping[str, Host] = Field({}, description="The addresses of hosted models, each under a name you choose.")
    day_budget_usd: float | None = Field(None, ge=0, description="What hosted models may cost in a day, in US dollars.")
    day_budget_usd_each: float | None = Field(
        None, ge=0, description="What hosted models may cost one person in a day, in US dollars."
    )
    unknown_prices: Literal["refuse", "allow"] = Field(
        "refuse", description="Whether models of unknown price may be used if there is a daily budget."
    )
    agree_downloads: bool = Field(
        False,
        description="Whether gigabytes of weights are downloaded without asking first, for people allowed to download.",
    )
    share_keys: bool = Field(
        False, description="Whether everybody who can reach the page may use the API keys in its environment."
    )
    share_downloads: bool = Field(
        False, description="Whether everybody who can reach the page may download weights to this machine."
    )

    @property
    def alone(self) -> bool:
        """Whether the page is for people at this machine alone."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        home = Path(init_settings().get("home") or os.environ.get("STUDIO_HOME") or default_home())
        return init_settings, env_settings, _File(settings_cls, home / "settings.toml")

    @classmethod
    def load(cls, **arguments: Any) -> "Settings":
        """Read the settings; arguments that are None count as not given.

        InvalidSetting names the setting at fault and where it was read.
        """
        for name in sorted(os.environ):
            if name.startswith("STUDIO_") and name.removeprefix("STUDIO_").lower() not in cls.model_fields:
                known = [f"STUDIO_{field.upper()}" for field in cls.model_fields]
                raise InvalidSetting(f"{name} is not a setting.", near(name, known))
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            return cls(**given)
        except ValidationError as error:
            raise _settings_error(error, given) from error
        except UnreadableSetting as error:
            found = re.search(r'field "(\w+)"', str(error))
            name = f"STUDIO_{found[1].upper()}" if found else "A variable of the studio"
            raise InvalidSetting(f"{name} holds no table that can be read.", "Write tables as JSON there.") from error
        except ParseError as error:
            raise InvalidSetting(f"settings.toml {error.fault}.", "Correct the file, or remove it.") from error

    def folder(self, name: str) -> Path:
        """One of the home's folders, made if it is not there; InvalidSetting where that cannot be."""
        if name not in FOLDERS:
            raise KeyError(name)
        path = self.home / name
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidSetting(
                f"The folder {path} cannot be made: {error.strerror}.",
                "Choose another data folder with --home or STUDIO_HOME.",
            ) from error
        return path


class _File(TomlConfigSettingsSource):
    """The settings' file, read within bounds."""

    def _read_file(self, path: Any) -> dict[str, Any]:
        return load_toml(path)


def _settings_error(error: ValidationError, given: Mapping[str, Any]) -> InvalidSetting:
    """The first fault of a validation, with the place the value came from."""
    first = error.errors()[0]
    name = str(first["loc"][0])
    variable = f"STUDIO_{name.upper()}"
    place = "the argument" if name in given else variable if variable in os.environ else "settings.toml"
    if first["type"] == "extra_forbidden":
        return InvalidSetting(f"{name} ({place}) is not a setting.", near(name, Settings.model_fields))
    return InvalidSetting(f"{name} ({place}): {fault_words(first)}.", "Correct it, or leave it out.", field=name)
