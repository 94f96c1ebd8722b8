"""Hosted models as a backend: whose key is used, what a picture may cost, and what it came to."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from studio.backends.base import NOBODYS, Backend, Rendered, Report, Turn, Wanted, always
from studio.backends.provider import ProviderBackend
from studio.errors import HostedError, InvalidRecipe, KeyRefused
from studio.events import Event, Preview
from studio.gate.identity import Identity
from studio.hosted.access import HostedModels
from studio.hosted.models import HostedEndpoint, parted
from studio.inputs import InputStore
from studio.recipe import ResolvedRecipe
from studio.resolve.hosted import spoken


class HostedImages(Backend):
    """Asks hosted models for pictures; each is reserved in the day's budget before the call and charged after it.

    `looks` is how many partial images are asked for, where a model has them; each is charged.
    """

    most = 1

    def __init__(self, hosted: HostedModels, inputs: InputStore, looks: int = 0) -> None:
        self.hosted = hosted
        self._inputs = inputs
        self.looks = looks

    def make(
        self,
        recipe: ResolvedRecipe,
        call: str,
        who: Identity,
        *,
        look: Callable[[bytes], None],
        pause: Callable[[float], bool] | None = None,
    ) -> Rendered:
        """The picture of a resolved recipe, requested under the name `call` with the caller's key.

        A service that knows the name does not charge twice, and neither does the budget. `pause` is as
        `ProviderBackend` has it. StudioError where there is no picture; its `billed` says whether it was paid for.
        """
        model, chosen = parted(recipe.model)
        endpoint = self.hosted.endpoint(model, who)
        backend = ProviderBackend(
            endpoint,
            self.hosted.key(endpoint, who),
            self._inputs,
            settings=endpoint.sized(chosen, recipe.width, recipe.height),
            idempotency=call,
            looks=self.looks,
            pause=pause,
        )
        words = spoken(recipe.prompt)
        most = self.most_usd(endpoint, backend.settings, words, len(recipe.pictures))
        again = self.hosted.budget.reserve(call, endpoint.label, most, who)
        negative = spoken(recipe.negative_prompt) if recipe.negative_prompt else recipe.negative_prompt
        sent = recipe.changed(prompt=words, negative_prompt=negative)
        made = self._charged(call, sent, backend, look, again=again)
        return replace(made, recipe=recipe)

    def most_usd(
        self, endpoint: HostedEndpoint, settings: Mapping[str, str], words: str, pictures: int
    ) -> float | None:
        """What a picture of just these words costs at most; None where nobody knows."""
        return endpoint.estimate(settings, words, pictures, self.looks if "stream" in endpoint.model.abilities else 0)

    def generate(
        self, recipes: Sequence[ResolvedRecipe], report: Report, wanted: Wanted = always, turn: Turn = NOBODYS
    ) -> Iterator[Rendered]:
        """Nothing: who asks has to be known (`make`)."""
        del recipes, report, wanted, turn
        raise KeyRefused("Nobody's key can be used for this.", "Submit it as a job.")

    def warm(self, model: str) -> None:
        """Nothing: it is somebody else's machine."""

    def describe(self) -> str:
        return "hosted"

    def close(self) -> None:
        """Nothing is held between calls."""

    def _charged(
        self, call: str, recipe: ResolvedRecipe, backend: ProviderBackend, look: Callable[[bytes], None], *, again: bool
    ) -> Rendered:
        budget = self.hosted.budget

        def report(event: Event) -> None:
            if isinstance(event, Preview):
                look(event.jpeg)

        try:
            (made,) = backend.generate([recipe], report)
        except (HostedError, InvalidRecipe) as error:
            # What was asked for before under this name may have been charged, whatever is said of it now.
            if again or (isinstance(error, HostedError) and error.billed):
                budget.charge(call, None)
            else:
                budget.release(call)
            raise
        cost = made.facts.get("cost_usd")
        budget.charge(call, None if cost is None else float(cost))
        return made
