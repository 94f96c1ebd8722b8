"""Costs detail, for drafts: the deep layers of a UNet are asked in every n-th step only, and repeated in between.

What the deep layers say changes slowly from step to step (DeepCache, Ma et al. 2023).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar

from studio.families.base import Family
from studio.recipe import Recipe
from studio.speedups.base import Speedup, no_unet, replaced

MOST = 10
# What each deep block answered, in the order of `deep_blocks`.
Answers = Sequence[Any]


class DeepCache(Speedup):
    """Each n-th step is whole; in the others only the first and last block compute."""

    label = "DeepCache"
    cost = "Fine detail is lost, more so the fewer whole steps there are."
    gain = "The steps between take about half the time or less."
    offered: ClassVar[Mapping[str, str]] = {"2": "every 2nd step whole", "3": "every 3rd step whole"}
    shares_steps = True

    def read(self, value: str) -> int:
        if not value.isdecimal() or not 2 <= int(value) <= MOST:
            raise self.refused(value, f"Say which steps are whole: every 2nd to {MOST}th, such as 3.")
        return int(value)

    def why_not(self, family: Family, recipe: Recipe) -> str:
        del recipe
        return no_unet(family)

    @contextmanager
    def applied(self, pipe: Any, value: int, rows: int) -> Iterator[None]:
        del rows
        deep = Deep(value)
        if hasattr(type(pipe.unet), "deep"):  # whoever answers for it sees to the rows of each picture
            pipe.unet.deep = deep
            try:
                yield
            finally:
                pipe.unet.deep = None
            return

        def forward(original: Any, sample: Any, *given: Any, **named: Any) -> Any:
            if deep.repeats(len(sample)):
                with repeated(pipe.unet, deep.answers):
                    return original(sample, *given, **named)
            with noted(pipe.unet) as answers:
                result = original(sample, *given, **named)
            deep.answers = answers
            return result

        with replaced(pipe.unet, forward):
            yield


class Deep:
    """What the deep blocks said last of one picture, of so many `rows`, and which steps they are asked in."""

    def __init__(self, every: int) -> None:
        self.answers: Answers = ()
        self._every = every
        self._steps = 0
        self._rows = 0

    def repeats(self, rows: int) -> bool:
        """Whether the next step, of so many rows, repeats them; it counts as made."""
        repeats = self._steps % self._every > 0 and rows == self._rows
        self._steps = self._steps + 1 if repeats else 1
        self._rows = rows
        return repeats


def deep_blocks(unet: Any) -> list[Any]:
    """All blocks but the first on the way down and the last on the way up."""
    return [*unet.down_blocks[1:], *([unet.mid_block] if unet.mid_block else []), *unet.up_blocks[:-1]]


@contextmanager
def noted(unet: Any) -> Iterator[list[Any]]:
    """While this lasts, what the deep blocks answer is noted."""
    answers: list[Any] = []
    hook = lambda _block, _given, answer: answers.append(answer)  # noqa: E731
    handles = [block.register_forward_hook(hook) for block in deep_blocks(unet)]
    try:
        yield answers
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def repeated(unet: Any, answers: Answers) -> Iterator[None]:
    """While this lasts, the deep blocks answer so and compute nothing."""
    with ExitStack() as stack:
        for block, answer in zip(deep_blocks(unet), answers, strict=True):
            stack.enter_context(replaced(block, _saying(answer)))
        yield


def _saying(answer: Any) -> Any:
    def forward(original: Any, *given: Any, **named: Any) -> Any:
        del original, given, named
        return answer

    return forward


SPEEDUP = DeepCache()
