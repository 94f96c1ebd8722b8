"""A graphics card that is pretended: the numbers stay in the computer's memory, where each weight is, is kept count of.

What moves and computes is real: diffusers' and accelerate's hooks, group offloading on a stream. A layer whose weights
are not on the card fails as it does on one, and so does what moves there when it is full.
"""

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from studio.engine.device import Device

GPU = torch.device("cpu", 0)  # computes as the CPU, and is another device to everybody who asks
# No weights of a test take so much: nothing has to be summed up to know that there is room.
PLENTY = 10**12
LAYERS = ("linear", "conv2d", "embedding", "layer_norm", "group_norm")


class Card:
    """What is on the card; `total` bytes fit."""

    def __init__(self, total: int = PLENTY) -> None:
        self.total = total
        self.asleep = False
        self._on: dict[int, weakref.ref[torch.Tensor]] = {}

    @property
    def used(self) -> int:
        """Bytes of the weights that are on it."""
        alive = {key: ref for key, ref in self._on.items() if ref() is not None}
        self._on = alive
        return sum(tensor.nbytes for ref in alive.values() if (tensor := ref()) is not None)

    def holds(self, weight: torch.Tensor) -> bool:
        return id(weight) in self._on and self._on[id(weight)]() is weight

    def put(self, weight: torch.Tensor) -> None:
        if self.total < PLENTY and not self.holds(weight) and self.used + weight.nbytes > self.total:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        self._on[id(weight)] = weakref.ref(weight)

    def take(self, weight: torch.Tensor) -> None:
        self._on.pop(id(weight), None)

    def free(self) -> int:
        return max(0, self.total - self.used)

    def needs(self, weight: object) -> None:
        """Fails as a layer does whose weights are elsewhere than what it is given."""
        if isinstance(weight, torch.nn.Parameter) and not (self.asleep or self.holds(weight)):
            raise RuntimeError("Expected all tensors to be on the same device, but found cuda:0 and cpu")


class Stream:
    """A stream on which all is done at once; it keeps what events it has waited for."""

    def __init__(self, *_: object) -> None:
        self.awaited: list[Event] = []

    def synchronize(self) -> None: ...

    def wait_stream(self, stream: "Stream") -> None: ...

    def record_event(self) -> "Event":
        return Event(self)

    def wait_event(self, event: "Event") -> None:
        self.awaited.append(event)


@dataclass(frozen=True)
class Event:
    """Behind what a stream had to do so far."""

    of: Stream


class Streams:
    """The streams of a card: that of everybody, and those that threads are on for now."""

    def __init__(self) -> None:
        self.default = Stream()
        # What reads which tensors.
        self.readers: list[tuple[torch.Tensor, Stream]] = []
        self._here = threading.local()

    @property
    def current(self) -> Stream:
        stream: Stream = getattr(self._here, "stream", self.default)
        return stream

    @contextmanager
    def on(self, stream: Stream) -> Iterator[None]:
        self._here.stream = stream
        try:
            yield
        finally:
            del self._here.stream

    def pretend(self, monkeypatch: Any) -> "Streams":
        """Until the test is over, these are torch's."""
        for name, value in {"Stream": Stream, "stream": self.on, "current_stream": lambda: self.current}.items():
            monkeypatch.setattr(torch.cuda, name, value)
        monkeypatch.setattr(torch.Tensor, "record_stream", lambda tensor, on: self.readers.append((tensor, on)))
        return self


class Backend:
    """What diffusers asks a device's module of torch for."""

    Stream = Stream

    def __init__(self, device: object) -> None: ...

    def stream(self, stream: Stream) -> Any:
        return nullcontext()

    def current_stream(self) -> Stream:
        return Stream()


def pretend(monkeypatch: Any, card: Card) -> Card:
    """Until the test is over, `Device("cuda")` is this card."""
    from diffusers.hooks import group_offloading

    from studio.engine import manager, placement

    Streams().pretend(monkeypatch)
    monkeypatch.setattr(Device, "torch_device", GPU)
    monkeypatch.setattr(Device, "has_graphs", False)  # `test_graphs.py` pretends them
    monkeypatch.setattr(Device, "holds", lambda _, part: all(map(card.holds, part.parameters())))
    for name, value in {
        "mem_get_info": lambda: (card.free(), card.total),
        "memory_reserved": lambda: 0,
        "memory_allocated": lambda: 0,
        "empty_cache": lambda: None,
        "get_device_name": lambda: "Pretended card",
        # A CPU's attention in bfloat16 differs in its last bits from one run to the next.
        "is_bf16_supported": lambda *_: False,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(manager, "fit_colours", _aside(manager.fit_colours, card))
    _follow_moves(monkeypatch, card)
    for name in LAYERS:
        monkeypatch.setattr(functional, name, _guarded(getattr(functional, name), card))
    monkeypatch.setattr(group_offloading, "TorchDeviceBackend", Backend)
    monkeypatch.setattr(torch.Tensor, "pin_memory", torch.Tensor.clone)
    monkeypatch.setattr(torch.Tensor, "is_pinned", lambda _: True)
    monkeypatch.setattr(placement, "apply_group_offloading", _streamed)
    return card


def _follow_moves(monkeypatch: Any, card: Card) -> None:
    from accelerate.hooks import CpuOffload
    from diffusers.hooks.group_offloading import ModuleGroup

    move, onload, offload = torch.nn.Module.to, ModuleGroup._transfer_tensor_to_device, ModuleGroup._offload_to_memory

    def to(self: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
        device = torch._C._nn._parse_to(*args, **kwargs)[0]
        if device is not None:
            for weight in self.parameters():
                (card.put if device == GPU else card.take)(weight)
        return move(self, *args, **kwargs)

    def transfer(self: Any, tensor: torch.Tensor, *args: Any) -> None:
        onload(self, tensor, *args)
        card.put(tensor)

    def back(self: Any) -> None:
        offload(self)
        for weight in [*self.parameters, *(weight for module in self.modules for weight in module.parameters())]:
            card.take(weight)

    def arrive(self: Any, module: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
        """As accelerate's, which looks at the first weight."""
        before = self.prev_module_hook
        if before is not None and card.holds(next(before.model.parameters())):
            before.offload()
        if not card.holds(next(module.parameters())):
            module.to(self.execution_device)
        return args, kwargs

    monkeypatch.setattr(CpuOffload, "pre_forward", arrive)
    monkeypatch.setattr(torch.nn.Module, "to", to)
    monkeypatch.setattr(ModuleGroup, "_transfer_tensor_to_device", transfer)
    monkeypatch.setattr(ModuleGroup, "_offload_to_memory", back)


def _aside(work: Callable[..., Any], card: Card) -> Callable[..., Any]:
    """What is done in the computer's own memory."""

    def aside(*args: Any) -> Any:
        card.asleep = True
        try:
            return work(*args)
        finally:
            card.asleep = False

    return aside


def _guarded(layer: Callable[..., Any], card: Card) -> Callable[..., Any]:
    def guarded(*args: Any, **kwargs: Any) -> Any:
        for one in (*args, *kwargs.values()):
            card.needs(one)
        return layer(*args, **kwargs)

    return guarded


def _streamed(module: torch.nn.Module, *, use_stream: bool, **more: Any) -> None:
    """Group offloading as diffusers applies it on a card, which refuses a stream to a CPU."""
    from diffusers.hooks import group_offloading as groups

    more["offload_type"] = groups.GroupOffloadingType(more["offload_type"])
    plain = {"non_blocking": False, "record_stream": False, "low_cpu_mem_usage": False}
    groups._apply_group_offloading(
        module, groups.GroupOffloadingConfig(stream=Stream() if use_stream else None, **plain, **more)
    )
