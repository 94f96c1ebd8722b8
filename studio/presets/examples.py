"""Examples of what a model makes: one TOML file each, beside it the picture made and the one it starts from.

Each picture is what the model makes of just this, with this seed.
"""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from studio.presets.reading import read_toml, toml_files
from studio.settings import PRESETS

# What somebody who takes it up does.
Use = Literal["text2img", "img2img", "inpaint", "control"]
FOLDER = "examples"


class Example(BaseModel):
    """A prompt for a model; `control` is the kind of map that is made of the picture that it starts from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    use: Use = "text2img"
    model: str
    prompt: Annotated[str, Field(min_length=1)]
    seed: int = 1
    strength: Annotated[float | None, Field(ge=0, le=1)] = None
    control: str = ""

    @property
    def picture(self) -> Path | None:
        """What comes of it; None where that depends on what somebody paints."""
        return _there(f"{self.id}.webp")

    @property
    def source(self) -> Path | None:
        """What it starts from; None where it is made of words alone."""
        return _there(f"{self.id}.from.webp")


@cache
def examples() -> tuple[Example, ...]:
    """Those that come with the studio, in the order of their names; InvalidPreset where one cannot be read."""
    return tuple(read_toml(path, Example) for path, _ in toml_files(PRESETS / FOLDER))


def _there(name: str) -> Path | None:
    path = PRESETS / FOLDER / name
    return path if path.is_file() else None
