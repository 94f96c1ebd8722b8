"""What is done beside the steps on a card, of which only the streams are pretended; one more test waits for a card."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import current_thread
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL

from studio.engine import preview, renderer
from studio.engine.device import Device
from studio.engine.manager import PipelineManager
from studio.engine.render import render
from studio.engine.shared import SharedVae
from studio.engine.side_stream import SideStream
from studio.events import Event, Preview, Step
from studio.settings import Settings
from tests.engine.card import GPU, Card, Streams, pretend
from tests.engine.conftest import picture

LONG = 60.0


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Streams:
    return Streams().pretend(monkeypatch)


@pytest.fixture
def side(streams: Streams) -> Iterator[SideStream]:
    side = SideStream(GPU)
    yield side
    side.close()


def test_what_is_read_on_another_stream_was_written_before_and_lives_until_then(
    streams: Streams, side: SideStream
) -> None:
    given, seen = torch.ones(2), {}

    def work(latents: torch.Tensor) -> dict[str, torch.Tensor]:
        seen.update(stream=streams.current, awaited=[event.of for event in streams.current.awaited])
        seen.update(read=[on for tensor, on in streams.readers if tensor is latents])
        return {"twice": 2 * latents}

    answer = side.taken(side.submit(work, given).result(LONG))
    assert seen["stream"] is not streams.default
    assert seen["awaited"] == [streams.default]
    assert seen["read"] == [seen["stream"]]
    assert [event.of for event in streams.default.awaited] == [seen["stream"]]
    assert streams.default in [on for tensor, on in streams.readers if tensor is answer["twice"]]
    assert torch.equal(answer["twice"], torch.full((2,), 2.0))


def test_a_picture_that_is_read_beside_the_steps_is_known_to_their_stream(
    streams: Streams, side: SideStream, tiny_model: Callable[[str], Path]
) -> None:
    vae = AutoencoderKL.from_pretrained(tiny_model("sd15") / "vae")
    shared = SharedVae(vae, lambda work, given: side.taken(side.submit(work, given).result(LONG)), vae.dtype)
    pixels = torch.zeros(1, 3, 16, 16)
    known = shared.encode(pixels).latent_dist
    assert any(tensor is known.mean and on is streams.default for tensor, on in streams.readers)
    with torch.no_grad():
        assert torch.equal(known.mean, vae.encode(pixels).latent_dist.mean)


@pytest.fixture
def on_card(monkeypatch: pytest.MonkeyPatch, settings: Settings, catalogue: Any) -> Iterator[PipelineManager]:
    pretend(monkeypatch, Card())
    manager = PipelineManager(catalogue, Settings(home=settings.home), device=Device("cuda"))
    yield manager
    manager.close()


def test_on_a_card_steps_go_on_while_a_picture_is_decoded(
    monkeypatch: pytest.MonkeyPatch, on_card: PipelineManager, recipe: Any, inputs: Any
) -> None:
    """What comes meanwhile is done by the thread of the steps before the decoding ends."""
    decode, threads = renderer.decode, []

    def slow(*args: Any, **kwargs: Any) -> Any:
        threads.append((current_thread().name, on_card.aside(lambda: current_thread().name)))
        return decode(*args, **kwargs)

    monkeypatch.setattr(renderer, "decode", slow)
    list(render(on_card, [(0, recipe("sd15", numerics="free"))], lambda _: None, inputs))
    assert threads == [("beside steps_0", "steps")]


def test_on_a_card_looks_are_made_beside_the_steps(
    monkeypatch: pytest.MonkeyPatch, on_card: PipelineManager, recipe: Any, inputs: Any
) -> None:
    """Each is told at one of the next steps, by the picture's own loop."""
    jpeg, threads, told = preview.jpeg, set(), set()
    side = on_card.sharing._side
    assert side

    def watched(*args: Any, **kwargs: Any) -> bytes:
        threads.add(current_thread().name)
        return jpeg(*args, **kwargs)

    def report(event: Event) -> None:
        if isinstance(event, Step):  # what was begun at the last one is done then
            side.begun(lambda _: None, torch.zeros(1)).result(LONG)
        if isinstance(event, Preview):
            told.add(current_thread().name)

    monkeypatch.setattr(preview, "jpeg", watched)
    monkeypatch.setattr(preview, "SECONDS_BETWEEN", 0.0)
    list(render(on_card, [(0, recipe("sd15", steps=4, numerics="free"))], report, inputs))
    assert threads == {"beside steps_0"}
    assert told == {"steps"}


def test_a_picture_has_the_pixels_that_it_has_without_a_side_stream(
    on_card: PipelineManager, settings: Settings, catalogue: Any, recipe: Any, inputs: Any
) -> None:
    start = inputs.add(picture(size=(64, 64))).id
    plain = PipelineManager(catalogue, Settings(home=settings.home, side_by_side=1), device=Device("cuda"))
    assert (on_card.sharing._side is None, plain.sharing._side is None) == (False, True)
    for wanted in (recipe("sd15", numerics="solo"), recipe("sd15", numerics="solo", init_image=start, strength=0.6)):
        here, there = (next(render(where, [(0, wanted)], lambda _: None, inputs)) for where in (on_card, plain))
        assert here.image.tobytes() == there.image.tobytes()
    plain.close()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no card of CUDA")
def test_on_a_real_card_the_side_stream_reads_what_the_steps_have_written() -> None:
    side, large = SideStream(torch.device("cuda")), torch.zeros(4096, 4096, device="cuda")
    for number in range(20):
        large.fill_(number).matmul(large)
        made = side.taken(side.submit(lambda given: (given + 1).sum(), large).result())
        large = torch.empty_like(large)
        assert float(made) == (number + 1) * large.numel()
    side.close()
