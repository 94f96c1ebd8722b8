"""Steps as CUDA graphs: to the bit what they are without, in memory of their own, and given up where they cannot be.

Of a card only torch's own graphs and streams are pretended: what is launched in a capture is noted, and a replay
launches it again on the very same memory, as a card's does.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from studio.catalogue.models import Catalogue
from studio.engine.batcher import Batcher
from studio.engine.changes import Bias, Change, LowRank
from studio.engine.device import Device
from studio.engine.graphs import CudaGraphs
from studio.engine.lora import Added
from studio.engine.manager import PipelineManager
from studio.engine.pools import Participant
from studio.engine.profile import Profile
from studio.engine.row_loras import LayerLoras, Stacks
from studio.engine.sharing import Sharing
from studio.engine.step import Call, Runner, eager, forward
from studio.settings import Settings
from studio.speedups.deep_cache import Deep
from tests.engine.card import Card, pretend

LAYER = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
BYTES = 1000


class Launches(TorchDispatchMode):
    """Notes what is launched, with the memory that it reads and writes."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        self.noted.append((func, args, kwargs or {}, made))
        return made


class Graph:
    """A pretended `torch.cuda.CUDAGraph`."""

    replays = 0

    def __init__(self) -> None:
        self.launches = Launches()

    def replay(self) -> None:
        Graph.replays += 1
        for func, args, named, made in self.launches.noted:
            again = func(*args, **named)
            for mine, new in zip(tree_leaves(made), tree_leaves(again), strict=True):
                if isinstance(mine, torch.Tensor) and mine.data_ptr() != new.data_ptr():
                    mine.copy_(new)


class Stream:
    """A pretended stream, on which all is done at once."""

    def wait_stream(self, stream: "Stream") -> None: ...


class Driver:
    """What of `torch.cuda` is pretended; `fault` is what a capture fails with."""

    def __init__(self) -> None:
        self.fault: RuntimeError | None = None
        self.reserved = 0
        self.default = self.current = Stream()
        Graph.replays = 0

    @contextmanager
    def graph(self, graph: Graph, pool: Any, stream: Stream, capture_error_mode: str) -> Iterator[None]:
        assert (pool, capture_error_mode) == ("pool", "thread_local")
        self.current = stream  # as torch's own, which leaves it there where a capture fails
        with graph.launches:
            yield
        if self.fault:
            raise self.fault
        self.current = self.default
        self.reserved += BYTES


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    driver = Driver()
    for name, value in {
        "Stream": Stream,
        "CUDAGraph": Graph,
        "graph": driver.graph,
        "stream": lambda _: nullcontext(),
        "current_stream": lambda: driver.current,
        "set_stream": lambda stream: setattr(driver, "current", stream),
        "graph_pool_handle": lambda: "pool",
        "empty_cache": lambda: None,
        "memory_reserved": lambda: driver.reserved,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    return driver


@pytest.fixture(scope="module")
def loaded(tiny_model: Callable[[str], Path]) -> Any:
    return UNet2DConditionModel.from_pretrained(tiny_model("sd15") / "unet").eval()


@pytest.fixture
def unet(loaded: Any) -> Iterator[Any]:
    """A UNet that counts how often it computes by itself."""
    loaded.calls = 0
    handle = loaded.register_forward_pre_hook(lambda *_: setattr(loaded, "calls", loaded.calls + 1))
    yield loaded
    handle.remove()


def call(unet: Any, seed: int, rows: int = 2, side: int = 8, loras: LayerLoras | None = None, **facts: Any) -> Call:
    generator, like = torch.Generator().manual_seed(seed), unet.conv_in.weight
    words = torch.randn(rows, 7, unet.config.cross_attention_dim, generator=generator).to(like)
    sample = torch.randn(rows, 4, side, side, generator=generator).to(like)
    given = {"encoder_hidden_states": words, "return_dict": False}
    return Call(unet, sample, torch.tensor(10 * seed + 1, device=like.device), given, loras or {}, **facts)


def lora(unet: Any, seed: int, rank: int = 4, kind: type[Change] = LowRank) -> LayerLoras:
    generator, like = torch.Generator().manual_seed(seed), unet.get_submodule(LAYER).weight
    down, up = (torch.randn(*size, generator=generator).to(like) for size in ((rank, like.shape[1]), (len(like), rank)))
    return {LAYER: Added([(0, LowRank(down, up) if kind is LowRank else Bias(up[:, 0]))], [0.5])}


@torch.no_grad()
def answers(calls: list[Call], run: Runner, rows: int | None = None, stacks: Stacks | None = None) -> list[Any]:
    rows = rows or sum(one.rows for one in calls)
    return [made[0] for made in forward(calls, rows, stacks or Stacks(), run=run)]


def check_same(calls: list[Call], run: Runner, rows: int | None = None, stacks: Stacks | None = None) -> None:
    for mine, other in zip(answers(calls, run, rows, stacks), answers(calls, eager, rows), strict=True):
        assert torch.equal(mine, other)


@pytest.mark.usefixtures("driver")
def test_a_step_whose_shape_has_come_often_is_replayed_with_the_same_bits(unet: Any) -> None:
    graphs = CudaGraphs(often=2)
    for seed in range(5):
        check_same([call(unet, seed)], graphs)
    assert graphs.count == 1
    replays, calls = Graph.replays, unet.calls
    first, second = answers([call(unet, 7)], graphs)[0], answers([call(unet, 8)], graphs)[0]
    assert (Graph.replays, unet.calls) == (replays + 2, calls)
    assert torch.equal(first, answers([call(unet, 7)], eager)[0]), "the next replay has written over it"
    assert not torch.equal(first, second)


@pytest.mark.usefixtures("driver")
def test_each_bucket_and_size_has_a_graph_of_its_own(unet: Any) -> None:
    graphs, shapes = CudaGraphs(often=1), ((2, 8), (4, 8), (2, 16))
    for seed in range(2):
        for rows, side in shapes:
            check_same([call(unet, seed, side=side)], graphs, rows)
    assert graphs.count == len(shapes)


@pytest.mark.usefixtures("driver")
def test_pictures_side_by_side_are_the_same_with_graphs(unet: Any) -> None:
    made = []
    for run in (eager, CudaGraphs(often=1)):
        steps = Batcher(lambda _: Profile({4: 1.0}), run=run)
        crew = [Participant() for _ in range(2)]

        def picture(steps: Batcher, who: Participant, seed: int) -> torch.Tensor:
            with steps.joined(who):
                latents = call(unet, seed).sample
                for step in range(4):
                    one = call(unet, seed)
                    asked = Call(unet, latents, torch.tensor(40 - step), one.given)
                    latents = latents - 0.1 * steps.ask(who, asked)[0]
            return latents

        done = [steps.submit(lambda s=steps, w=who, n=n: picture(s, w, n)) for n, who in enumerate(crew)]
        while not all(one.done() for one in done):
            steps.turn()
        made.append([one.result() for one in done])
    assert Graph.replays > 2
    for without, with_graphs in zip(*made, strict=True):
        assert torch.equal(without, with_graphs)


@pytest.mark.usefixtures("driver")
def test_other_loras_of_the_same_ranks_are_copied_into_the_graph(unet: Any) -> None:
    graphs, stacks = CudaGraphs(often=1), Stacks()
    stays = call(unet, 1, loras=lora(unet, 1))
    for _ in range(2):
        check_same([stays, call(unet, 2)], graphs, stacks=stacks)
    for seed, rank in ((3, 4), (4, 9)):  # filled up to the same
        check_same([stays, call(unet, seed, loras=lora(unet, seed, rank))], graphs, stacks=stacks)
        check_same([stays, call(unet, seed + 5)], graphs, stacks=stacks)
    assert graphs.count == 1
    check_same([stays, call(unet, 2, loras=lora(unet, 2, 20))], graphs, stacks=stacks)
    assert graphs.count == 2


@pytest.mark.usefixtures("driver")
def test_what_is_not_all_in_tensors_of_its_rows_is_made_as_ever(unet: Any) -> None:
    graphs = CudaGraphs(often=1)
    alone = call(unet, 1, loras=lora(unet, 1))  # as the bare pipeline makes it
    beside = [call(unet, 1, loras=lora(unet, 1, kind=Bias)), call(unet, 2)]
    named = Call(unet, alone.sample, 3, {**alone.given, "cross_attention_kwargs": {"unknown": object()}})
    deep = call(unet, 1, deep=Deep(2))
    for calls in ([alone], beside, [deep], [named]):
        check_same(calls, graphs)
    unet.train()
    try:
        check_same([call(unet, 1)], graphs)
    finally:
        unet.eval()
    assert graphs.count == 0


@pytest.mark.usefixtures("driver")
def test_graphs_of_weights_that_have_moved_are_dropped(unet: Any) -> None:
    graphs = CudaGraphs(often=1)
    check_same([call(unet, 1)], graphs)
    weight, before = unet.mid_block.resnets[0].conv1.weight, unet.mid_block.resnets[0].conv1.weight.data
    try:
        weight.data = before * 2
        check_same([call(unet, 1)], graphs)
        check_same([call(unet, 2)], graphs)
    finally:
        weight.data = before
    assert graphs.count == 1


@pytest.mark.usefixtures("driver")
def test_of_many_shapes_those_used_last_have_graphs(unet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.engine.graphs.MOST", 3)
    graphs = CudaGraphs(often=1)
    for rows in range(2, 8):
        answers([call(unet, 1)], graphs, rows)
    assert graphs.count == 3


def test_a_capture_that_fails_ends_all_captures_and_no_picture(
    unet: Any, driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    graphs = CudaGraphs(often=1)
    check_same([call(unet, 1)], graphs)
    driver.fault = RuntimeError("operation not permitted when stream is capturing")
    for seed in range(3):
        check_same([call(unet, seed)], graphs, 4)
    assert driver.current is driver.default
    assert (graphs.count, graphs.bytes) == (0, 0)
    assert len(caplog.records) == 1
    assert "not permitted" in caplog.text


@pytest.mark.usefixtures("driver")
def test_a_graph_of_other_bits_is_not_used(
    unet: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    replay = Graph.replay

    def wrong(self: Graph) -> None:
        replay(self)
        self.launches.noted[-1][-1].add_(1e-6)

    monkeypatch.setattr(Graph, "replay", wrong)
    graphs = CudaGraphs(often=1)
    for seed in range(3):
        check_same([call(unet, seed)], graphs)
    assert graphs.count == 0
    assert len(caplog.records) == 1


def test_graphs_are_counted_in_memory_and_dropped_before_models(
    driver: Driver, unet: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = pretend(monkeypatch, Card(10**6))
    card.asleep = True
    monkeypatch.setattr(Device, "has_graphs", True)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: driver.reserved)
    settings = Settings(home=tmp_path)
    manager = PipelineManager(Catalogue(settings), settings, device=Device("cuda"))
    room = manager._room
    assert room.graphs
    room.graphs._often = 1
    check_same([call(unet, 1)], room.graphs)
    assert [(one.kind, one.device_bytes) for one in room.held()] == [("CUDA graphs", BYTES)]
    # What torch keeps in reserve counts as free, but for what only graphs may use.
    assert room.free() == card.free()
    assert manager.free_memory() == BYTES
    assert (room.graphs.count, room.held()) == (0, ())
    manager.close()


@pytest.mark.usefixtures("driver")
def test_graphs_go_where_memory_runs_out_in_a_step(unet: Any, tmp_path: Path) -> None:
    graphs = CudaGraphs(often=1)
    sharing = Sharing(Settings(home=tmp_path), Device("cpu"), graphs)
    check_same([call(unet, 1)], graphs)
    sharing._steps._release()
    assert graphs.count == 0
    sharing.close()


@pytest.mark.parametrize(
    ("kind", "hip", "setting", "there"),
    [
        ("cuda", None, "auto", True),
        ("cuda", None, "off", False),
        ("cuda", "7.2", "auto", False),
        ("cpu", None, "auto", False),
    ],
)
def test_there_are_graphs_on_cards_of_cuda_unless_they_are_switched_off(
    kind: Any, hip: str | None, setting: Any, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_graphs = Device.has_graphs
    pretend(monkeypatch, Card())
    monkeypatch.setattr(Device, "has_graphs", has_graphs)
    monkeypatch.setattr(torch.version, "hip", hip)
    settings = Settings(home=tmp_path, cuda_graphs=setting)
    manager = PipelineManager(Catalogue(settings), settings, device=Device(kind))
    assert (manager._room.graphs is not None) == there
    manager.close()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no card of CUDA")
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_on_a_card_a_graph_has_the_bits_of_its_step(tiny_model: Callable[[str], Path], dtype: torch.dtype) -> None:
    unet = UNet2DConditionModel.from_pretrained(tiny_model("sd15") / "unet").to("cuda", dtype).eval()
    graphs, stacks = CudaGraphs(often=2), Stacks()
    for seed in range(4):
        check_same([call(unet, seed)], graphs)
        check_same([call(unet, seed), call(unet, seed + 9)], graphs, 8)
        check_same([call(unet, seed, loras=lora(unet, seed)), call(unet, 5)], graphs, stacks=stacks)
    assert graphs.count == 3
    assert graphs.bytes > 0
    graphs.clear()
    assert graphs.bytes == 0
