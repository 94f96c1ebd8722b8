"""How this studio is set up: argument over STUDIO_* environment over `settings.toml` in the home over default."""

import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from studio.errors import SettingsError

FOLDERS = ("images", "models", "loras", "embeddings", "controlnets", "ip-adapters", "upscalers")
ASSETS = Path(__file__).resolve().parent.parent / "assets"
PRESETS = Path(__file__).resolve().parent.parent / "presets"


def default_home() -> Path:
    """The data folder where none is named: one in the user's home."""
    return Path.home() / "ImageStudio"


class Settings(BaseSettings):
    """Everything that can be set about the studio itself; an unknown name is an error."""

    model_config = SettingsConfigDict(env_prefix="STUDIO_", frozen=True, extra="forbid", env_ignore_empty=True)

    home: Path = Field(default_factory=default_home, description="The data folder.")
    host: str = Field("127.0.0.1", description="The address the page is served at.")
    port: int = Field(7860, ge=0, le=65535, description="The port the page is served at; 0 takes a free one.")
    model: str = Field("starter", description="The model a recipe takes when it names none.")
    device: Literal["auto", "cuda", "mps", "cpu"] = Field("auto", description="Where models run.")
    offload: Literal["auto", "none", "model", "sequential"] = Field(
        "auto", description="What stays off the card between its turns; auto decides by free memory."
    )
    output_check: Literal["off", "mark", "withhold"] = Field(
        "off", description="What happens to a picture that the model's own output checker flags; off asks none."
    )
    max_images: int = Field(64, ge=1, le=1024, description="The most images one job may ask for.")
    max_waiting: int = Field(200, ge=1, description="The most jobs that may wait in line.")

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
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, home / "settings.toml")

    @classmethod
    def load(cls, **arguments: Any) -> "Settings":
        """Read the settings; arguments that are None count as not given.

        SettingsError names the setting at fault and where it was read.
        """
        for name in sorted(os.environ):
            if name.startswith("STUDIO_") and name.removeprefix("STUDIO_").lower() not in cls.model_fields:
                raise SettingsError(f"{name} is not a setting.", _known("STUDIO_{}", str.upper))
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            return cls(**given)
        except ValidationError as error:
            raise _settings_error(error, given) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise SettingsError(f"settings.toml cannot be read: {error}.", "Mend the file or remove it.") from error

    def folder(self, name: str) -> Path:
        """One of the home's folders, made if it is not there; SettingsError where that cannot be."""
        if name not in FOLDERS:
            raise KeyError(name)
        path = self.home / name
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"The folder {path} cannot be made: {error.strerror}.",
                "Choose another data folder with --home or STUDIO_HOME.",
            ) from error
        return path


def _settings_error(error: ValidationError, given: Mapping[str, Any]) -> SettingsError:
    """The first fault of a validation, with the place the value came from."""
    first = error.errors()[0]
    name = str(first["loc"][0])
    variable = f"STUDIO_{name.upper()}"
    place = "the argument" if name in given else variable if variable in os.environ else "settings.toml"
    if first["type"] == "extra_forbidden":
        return SettingsError(f"{name} ({place}) is not a setting.", _known("{}", str))
    return SettingsError(f"{name} ({place}): {first['msg']}.", "Mend it or leave it out.")


def _known(pattern: str, spell: Callable[[str], str]) -> str:
    return f"Known are: {', '.join(pattern.format(spell(name)) for name in Settings.model_fields)}."
