"""The contract of a provider: what its models take, how one is asked for pictures, and what they cost."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from pydantic import SecretStr

from studio.hosted.prices import Price
from studio.recipe import Recipe
from studio.safe_fetch import MOST_BYTES

if TYPE_CHECKING:
    from studio.hosted.models import HostedEndpoint


def unseen(picture: bytes) -> None:
    """Shows a partial image to nobody."""
    del picture


@dataclass(frozen=True)
class Call:
    """What a hosted model is asked for: `count` pictures of one recipe.

    `settings` are the model's own, the size among them. `picture` (PNG) is to be changed, `mask` (PNG, grey) says
    where: it is white there. `name` is that of the call: a service that knows it does not charge twice. `looks` is how
    many partial images are wanted, where the model has them; each is shown by `look`. An answer may have `most_bytes`.
    """

    endpoint: "HostedEndpoint"
    key: SecretStr | None
    recipe: Recipe
    settings: Mapping[str, str]
    count: int = 1
    picture: bytes | None = None
    mask: bytes | None = None
    name: str = ""
    looks: int = 0
    look: Callable[[bytes], None] = unseen
    most_bytes: int = MOST_BYTES


@dataclass(frozen=True)
class Made:
    """One picture of an answer, as a PNG, JPEG or WebP; `revised` is the prompt that the service made of ours."""

    picture: bytes
    revised: str = ""


@dataclass(frozen=True)
class Answer:
    """The pictures of a call; `usage` is what the provider's prices reckon with, `facts` are kept with each picture."""

    pictures: Sequence[Made]
    usage: object = None
    facts: Mapping[str, str] = field(default_factory=dict)


class Provider(ABC):
    """A language that services are asked in; `label` is what people call the one at `base_url`, which wants a key.

    `settings` are the names that its models' own settings may have, `takes` the fields of a recipe that a model may
    take beside prompt, size and pictures. `price` reads the `[price]` of a model's file. `library` is imported before a
    service is asked, so that the time for it does not count as the service's. `abilities` are those of a model that
    nothing is known of. Where it `signs_in`, whoever is signed in with Hugging Face pays with that account.
    """

    label: str = ""
    base_url: str = ""
    key_env: str = ""
    settings: Sequence[str] = ()
    takes: frozenset[str] = frozenset()
    price: type[Price] = Price
    library: str = ""
    abilities: tuple[str, ...] = ("edit", "mask")
    signs_in: bool = False

    def address(self) -> str:
        """Where its own service is reached; empty where there is none."""
        return self.base_url

    @abstractmethod
    def ask(self, call: Call) -> Answer:
        """The answer to a call, with as many pictures as were asked for; HostedError whose class says why not."""

    def ends(self, endpoint: "HostedEndpoint", key: SecretStr) -> date | None:
        """The day on which the service ends a model, by its own word; None where it tells none."""
        del endpoint, key
        return None
