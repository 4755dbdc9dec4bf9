"""Random small torch modules: programs over values, with what makes reading them hard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS = 4


class FrozenBatchNorm(nn.Module):
    """As detection models write it: constants computed from buffers with every call."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        for name in ("weight", "bias", "mean", "var"):
            self.register_buffer(name, torch.rand(channels) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        scale = self.weight * (self.var + 1e-5).rsqrt()
        shift = self.bias - self.mean * scale
        return x * scale.reshape(1, -1, 1, 1) + shift.reshape(1, -1, 1, 1)


class Gate(nn.Module):
    """Squeeze-and-excitation, as torchvision writes it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, 2, 1), nn.Conv2d(2, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        scale = F.adaptive_avg_pool2d(x, 1)
        return torch.sigmoid(self.fc2(F.relu(self.fc1(scale), inplace=True))) * x


class Dropped(nn.Module):
    """Dropout of a value that nothing else can reach: in evaluation eager torch hands on the very
    tensor, and AOTAutograd, hence every compiler that uses it, a copy."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout()

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(x + 1)


def _rectify_half(x: Tensor) -> Tensor:
    x[:, :2].relu_()
    return x


def _add_in_place(x: Tensor) -> Tensor:
    x += 0.25
    return x


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "conv": lambda: nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1),
    "bare": lambda: nn.Conv2d(CHANNELS, CHANNELS, 1, bias=False),
    "depthwise": lambda: nn.Conv2d(CHANNELS, CHANNELS, (1, 3), padding=(0, 1), groups=CHANNELS),
    "grouped": lambda: nn.Conv2d(CHANNELS, CHANNELS, 3, padding=2, dilation=2, groups=2),
    "norm": lambda: nn.BatchNorm2d(CHANNELS),
    "frozen": lambda: FrozenBatchNorm(CHANNELS),
    "gate": lambda: Gate(CHANNELS),
    "relu": lambda: nn.ReLU(inplace=True),
    "max": lambda: nn.MaxPool2d(3, 1, 1),
    "average": lambda: nn.AvgPool2d(3, 1, 1),
    "dropout": lambda: Dropped(),
    "prelu": lambda: nn.PReLU(CHANNELS),
    # of no operation of ours
    "instance": lambda: nn.InstanceNorm2d(CHANNELS),
    "transposed": lambda: nn.ConvTranspose2d(CHANNELS, CHANNELS, 1),
}

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu_": lambda x: x.relu_(),
    "half_": _rectify_half,
    "iadd": _add_in_place,
    "scale": lambda x: 0.5 * x - 0.1,
    "channels": lambda x: torch.cat([x[:, 1:], torch.unsqueeze(x[:, 0], 1) * 0.3], 1),
    "split": lambda x: torch.cat(x.chunk(2, 1)[::-1], 1),
    "crop": lambda x: F.pad(x[:, :, 1:], (0, 0, 1, 0)),
    # of no operation of ours
    "sine": torch.sin,
    "flip": lambda x: x.flip(3),
    "samples": lambda x: x + x.roll(1, 0),
    "shuffle": lambda x: x.view(x.shape[0], 2, 2, *x.shape[2:]).transpose(1, 2).flatten(1, 2),
    "rows": lambda x: x.softmax(2),
    "transpose": lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
}

JOINS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": lambda x, y: x + y,
    "add_": lambda x, y: x.add_(y),
    "multiply": lambda x, y: x * y,
    "maximum": torch.maximum,
    "concat": lambda x, y: torch.cat([x[:, :2], y[:, 2:]], 1),
}

ENDS: dict[str, Callable[[Tensor], Any]] = {
    "map": lambda x: x,
    "view": lambda x: x.flatten(1),
    "copy": lambda x: x.clone(),
    "slice": lambda x: x[:, 1:3],
    "mean": lambda x: x.mean((2, 3)),
    "tuple": lambda x: (x, x.flatten(1)),
    "dict": lambda x: {"x": x, "pooled": F.adaptive_max_pool2d(x, 2)},
}


@dataclass(frozen=True)
class Step:
    """What is done, by name; which layer of that kind, so that some are shared; to which values,
    counted from the last."""

    kind: str
    layer: int
    operands: tuple[int, int]


class Program(nn.Module):
    """Runs steps over the values so far, then hands out some of them."""

    def __init__(self, steps: list[Step], ends: list[tuple[str, int]]) -> None:
        super().__init__()
        self.steps, self.ends = steps, ends
        named = {f"{s.kind}{s.layer}": LAYERS[s.kind] for s in steps if s.kind in LAYERS}
        self.layers = nn.ModuleDict({name: make() for name, make in named.items()})

    def forward(self, x: Tensor) -> Any:
        values = [x]
        for step in self.steps:
            first, second = (values[-1 - at % len(values)] for at in step.operands)
            if step.kind in LAYERS:
                values.append(self.layers[f"{step.kind}{step.layer}"](first))
            elif step.kind in FUNCTIONS:
                values.append(FUNCTIONS[step.kind](first))
            else:
                values.append(JOINS[step.kind](first, second))
        return [ENDS[end](values[-1 - at % len(values)]) for end, at in self.ends]


def programs() -> st.SearchStrategy[Program]:
    """Modules over maps of 4 channels, of seven steps at most."""
    kinds = [*LAYERS, *["conv", "bare", "norm"] * 3, *FUNCTIONS, *JOINS]
    steps = st.builds(
        Step,
        st.sampled_from(kinds),
        st.integers(0, 1),
        st.tuples(st.integers(0, 3), st.integers(0, 3)),
    )
    ends = st.tuples(st.sampled_from(sorted(ENDS)), st.integers(0, 3))
    return st.builds(
        Program, st.lists(steps, min_size=1, max_size=7), st.lists(ends, min_size=1, max_size=3)
    )
