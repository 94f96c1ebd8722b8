"""Forwards of a UNet as CUDA graphs: what one launches is captured once for each of its shapes, and replayed.

A step of a small UNet is thousands of short kernels, which a processor takes longer to launch than a card to run. A
graph launches them all at once, but reads and writes the memory that it was captured with: so what a forward is given,
the factors of its LoRAs as well, is copied there, and what comes out is copied away.
"""

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary, ref

import torch

from studio.engine.lora import Hook, hooked
from studio.engine.row_loras import RowHooks
from studio.engine.step import eager, shape_of

# Shapes that have come so often are worth a graph; a network has so many graphs at most.
OFTEN, MOST = 3, 24
# So many shapes that had no graph are remembered.
REMEMBERED = 1000
# Forwards before a capture: libraries set themselves up in their first calls, which no capture allows.
WARM_UPS = 2
PLAIN = (bool, int, float, str, type(None))

log = logging.getLogger(__name__)


class CudaGraphs:
    """Runs forwards on a card of CUDA, as graphs where they can be one; all of them on one thread.

    Where a capture fails no other is tried in this process: torch's allocator may go on as if that one lasted.
    """

    def __init__(self, often: int = OFTEN) -> None:
        self._often = often
        self._networks: WeakKeyDictionary[torch.nn.Module, _Network] = WeakKeyDictionary()
        self._failed = False

    @property
    def bytes(self) -> int:
        """The bytes of the card that the graphs hold; may be asked from any thread."""
        return sum(graph.bytes for graph in self._graphs())

    @property
    def count(self) -> int:
        """How many graphs there are."""
        return len(self._graphs())

    def clear(self) -> None:
        """Drop all graphs; their memory is torch's, and the card's once torch's cache is emptied."""
        self._networks.clear()

    def __call__(
        self, network: Any, sample: torch.Tensor, timestep: Any, given: Mapping[str, Any], hooks: Mapping[str, Hook]
    ) -> Any:
        """What `eager` answers, to the bit."""
        inputs = {**given, "sample": sample}
        stacks = _stacks(hooks)
        if stacks is None or self._failed or network.training or not _can_be_captured(inputs, len(sample)):
            return eager(network, sample, timestep, given, hooks)
        known = self._networks.get(network)
        if known is None or not known.stays:
            known = self._networks[network] = _Network(network)
        key = (len(sample), shape_of(inputs, len(sample)), stacks.shape)
        if graph := known.graph(key):
            return graph.replayed(inputs, timestep, stacks)
        if not known.is_worth_a_graph(key, self._often):
            return eager(network, sample, timestep, given, hooks)
        return self._captured(network, known, key, _Graph(inputs, timestep, stacks, known.stream))

    def _captured(self, network: Any, known: "_Network", key: Hashable, graph: "_Graph") -> Any:
        """The answer as torch makes it; from the next one on it is the graph's, unless that has other bits."""
        answer = graph.warmed_up(network)
        try:
            repeated = graph.captured(network, known.pool)
        except RuntimeError as error:
            log.warning("Steps are made without CUDA graphs from now on, as one cannot be captured: %s", error)
            self._failed = True
            self.clear()
            return answer
        if all(map(torch.equal, _tensors(answer), _tensors(repeated))):
            known.keep(key, graph)
        else:
            log.warning("A CUDA graph answers with other bits than its step, and is not used.")
        return answer

    def _graphs(self) -> list["_Graph"]:
        return [graph for known in list(self._networks.values()) for graph in list(known.graphs.values())]


class _Network:
    """The graphs of one network, as long as its weights stay where they are."""

    def __init__(self, network: torch.nn.Module) -> None:
        # Graphs that share memory are captured on one stream.
        self.stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self.pool = torch.cuda.graph_pool_handle()
        self.graphs: OrderedDict[Hashable, _Graph] = OrderedDict()
        self._seen: Counter[Hashable] = Counter()
        self._weights = [(ref(one), one.data_ptr()) for one in chain(network.parameters(), network.buffers())]

    @property
    def stays(self) -> bool:
        """Whether all weights are where they were."""
        return all((one := weight()) is not None and one.data_ptr() == place for weight, place in self._weights)

    def graph(self, key: Hashable) -> "_Graph | None":
        """The graph of these shapes, where there is one."""
        if key in self.graphs:
            self.graphs.move_to_end(key)
        return self.graphs.get(key)

    def is_worth_a_graph(self, key: Hashable, often: int) -> bool:
        """Whether these shapes have come often, now that there is one more of them; it is tried once."""
        if len(self._seen) > REMEMBERED:
            self._seen.clear()
        self._seen[key] += 1
        return self._seen[key] == often

    def keep(self, key: Hashable, graph: "_Graph") -> None:
        """Keep one more graph; the one that was used least lately goes where there are many."""
        self.graphs[key] = graph
        if len(self.graphs) > MOST:
            gone, _ = self.graphs.popitem(last=False)
            del self._seen[gone]


class _Graph:
    """A forward, captured: where its inputs and the factors of its LoRAs are read, and where its answer is.

    It does not keep its network alive. `bytes` is what its kernels work in, beside that of earlier graphs.
    """

    def __init__(self, inputs: Mapping[str, Any], timestep: Any, stacks: RowHooks, stream: Any) -> None:
        sample: torch.Tensor = inputs["sample"]
        self.bytes = 0
        self._stream = stream
        self._inputs = _mapped(inputs, torch.clone)
        self._timesteps = torch.zeros(len(sample), device=sample.device)
        self._stacks = stacks.copied()
        self._copied = ref(stacks)
        self._answer: Any = None
        self._graph = torch.cuda.CUDAGraph()
        self._set_timestep(timestep)

    def warmed_up(self, network: Any) -> Any:
        """The answer as torch makes it, on the stream of the capture."""
        here = torch.cuda.current_stream()
        self._stream.wait_stream(here)
        with torch.cuda.stream(self._stream), hooked(network, self._stacks):
            for _ in range(WARM_UPS):
                answer = self._forward(network)
        here.wait_stream(self._stream)
        return _mapped(answer, torch.clone)

    def captured(self, network: Any, pool: Any) -> Any:
        """The same from the graph, which is captured here; RuntimeError where it cannot be."""
        here = torch.cuda.current_stream()
        torch.cuda.empty_cache()
        before = torch.cuda.memory_reserved()
        # Other threads may use the card meanwhile, as they are not part of it.
        capture = torch.cuda.graph(self._graph, pool, self._stream, capture_error_mode="thread_local")
        try:
            with hooked(network, self._stacks), capture:
                self._answer = self._forward(network)
        finally:
            torch.cuda.set_stream(here)  # where it fails it leaves its own
        self.bytes = max(0, torch.cuda.memory_reserved() - before)
        self._graph.replay()
        return self._answer

    def replayed(self, inputs: Mapping[str, Any], timestep: Any, stacks: RowHooks) -> Any:
        """The answer to inputs of the same shapes."""
        for mine, new in zip(_tensors(self._inputs), _tensors(inputs), strict=True):
            mine.copy_(new)
        self._set_timestep(timestep)
        if self._copied() is not stacks:
            self._stacks.take(stacks)
            self._copied = ref(stacks)
        self._graph.replay()
        # The next replay writes over it.
        return _mapped(self._answer, torch.clone)

    def _forward(self, network: Any) -> Any:
        given = dict(self._inputs)
        return network(given.pop("sample"), self._timesteps, **given)

    def _set_timestep(self, timestep: Any) -> None:
        if isinstance(timestep, torch.Tensor) and timestep.device == self._timesteps.device:
            self._timesteps.copy_(timestep)
        else:  # a number of the processor's, which nobody waits for
            self._timesteps.fill_(float(timestep))


def _stacks(hooks: Mapping[str, Hook]) -> RowHooks | None:
    """Hooks whose factors can be copied into a graph; None where others are among them."""
    if not hooks:
        return RowHooks()
    return hooks if isinstance(hooks, RowHooks) and hooks.is_stacked else None


def _can_be_captured(inputs: Mapping[str, Any], rows: int) -> bool:
    """Whether all that changes between such forwards is in tensors of these rows, which can be copied."""
    if inputs.get("return_dict") is not False:
        return False
    place = inputs["sample"].device
    return all(
        one.device == place and one.dim() > 0 and len(one) == rows
        if isinstance(one, torch.Tensor)
        else isinstance(one, PLAIN)
        for one in _leaves(inputs)
    )


def _leaves(value: Any) -> Iterator[Any]:
    """The values in lists, tuples and dicts, in an order that is the same for the same names."""
    match value:
        case dict():
            for name in sorted(value):
                yield from _leaves(value[name])
        case list() | tuple():
            for part in value:
                yield from _leaves(part)
        case _:
            yield value


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    return (one for one in _leaves(value) if isinstance(one, torch.Tensor))


def _mapped(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """The same value with other tensors."""
    match value:
        case torch.Tensor():
            return change(value)
        case dict():
            return {name: _mapped(part, change) for name, part in value.items()}
        case list() | tuple():
            return type(value)(_mapped(part, change) for part in value)
        case _:
            return value
