"""What the benchmarks draw with: the embedded model, or a model of real size with random weights.

Speed does not depend on what the weights are, so nothing has to be downloaded to measure a card.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from studio.cli.run import begin
from studio.recipe import Recipe
from studio.settings import Settings

if TYPE_CHECKING:
    from studio.studio import Studio

STARTER = "starter"
PROMPT = "a red house on the left, a green tree, at sunset"
SUITES = {
    STARTER: Recipe(prompt=PROMPT, model=STARTER, seed=7),
    "sd15": Recipe(prompt=PROMPT, model="sd15", seed=7, width=512, height=512, steps=25),
    "sdxl": Recipe(prompt=PROMPT, model="sdxl", seed=7, width=1024, height=1024, steps=30),
}
# How often a side is measured at most, so that a whole suite on a card ends within ten minutes.
ROUNDS = {"sd15": 3, "sdxl": 1}
# Has the scripts of a suite draw with it.
VARIABLE = "BENCHMARK_SUITE"
MADE_BY = Path(__file__).resolve().parents[1] / "scripts" / "random_models.py"


@dataclass(frozen=True)
class Suite:
    """A recipe whose model lies in `models` of `home`, beside `loras`; without a folder it is the embedded one."""

    name: str
    recipe: Recipe
    device: str = "cpu"
    home: Path | None = None

    @classmethod
    def named(cls, name: str, device: str) -> Self:
        """The suite of this name; its model is made where it was not made before."""
        home = None if name == STARTER else Path.home() / ".cache" / "image-studio-benchmarks" / name
        if home and not (home / "complete").exists():
            subprocess.run([sys.executable, str(MADE_BY), name, str(home)], check=True)
        return cls(name, SUITES[name], device, home)

    @property
    def model(self) -> Path | None:
        """The folder of its model."""
        return self.home / "models" / str(self.recipe.model) if self.home else None

    def rounds(self, wanted: int) -> int:
        """How often a side is measured that takes so many rounds of the embedded model."""
        return min(wanted, ROUNDS.get(self.name, wanted))

    @contextmanager
    def settings(self, **given: Any) -> Iterator[Settings]:
        """Settings with a data folder of their own, in which its model and LoRAs are."""
        with tempfile.TemporaryDirectory() as folder:
            for shared in [*self.home.glob("models/*"), *self.home.glob("loras/*")] if self.home else ():
                place = Path(folder) / shared.parent.name / shared.name
                place.parent.mkdir(exist_ok=True)
                place.symlink_to(shared, target_is_directory=shared.is_dir())
            yield Settings.load(home=Path(folder), device=self.device, **given)

    @contextmanager
    def studio(self, *, durable: bool = False, **given: Any) -> Iterator["Studio"]:
        """A studio with such settings, whose engine is where `studio run` has it."""
        with self.settings(**given) as settings:
            begun = begin(settings)
            from studio.studio import Studio

            with Studio(settings, durable=durable, begun=begun) as studio:
                yield studio

    def to_json(self) -> str:
        values = {"name": self.name, "recipe": json.loads(self.recipe.to_json()), "device": self.device}
        return json.dumps(values | {"home": str(self.home) if self.home else None})

    @classmethod
    def from_json(cls, text: str) -> Self:
        values = json.loads(text)
        home = Path(values["home"]) if values["home"] else None
        return cls(values["name"], Recipe.make(**values["recipe"]), values["device"], home)


def current() -> Suite:
    """The suite that is being measured; the embedded model on the processor where none was chosen."""
    given = os.environ.get(VARIABLE)
    return Suite.from_json(given) if given else Suite(STARTER, SUITES[STARTER])


@contextmanager
def drawing(suite: Suite) -> Iterator[None]:
    """Have benchmarks, and the scripts that they begin, draw with this suite."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = suite.to_json()
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
