"""GoogLeNet of the paper (arXiv:1409.4842), by hand: what the compiled network is held against.

Written from tests/data/facts/googlenet_paper.yaml in plain torch. It shares no code with the
package and takes every border by its own arithmetic: convolutions and poolings that the paper marks
S pad so that the output is the input over the stride, rounded up, an odd pixel at the end; max
pooling pads with minus infinity; the heads' average pooling keeps the last partial window.
"""

from __future__ import annotations

import math

import torch
from table_1 import TABLE_1
from torch import Tensor, nn
from torch.nn import functional as F


def pad_same(x: Tensor, kernel: int, stride: int, value: float) -> Tensor:
    borders: list[int] = []
    for extent in (x.shape[3], x.shape[2]):
        outputs = math.ceil(extent / stride)
        missing = max(0, stride * (outputs - 1) + kernel - extent)
        borders += [missing // 2, missing - missing // 2]
    return F.pad(x, borders, value=value)


class Convolution(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.w = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        self.b = nn.Parameter(torch.empty(outputs))

    def forward(self, x: Tensor) -> Tensor:
        x = pad_same(x, self.kernel, self.stride, 0.0)
        return F.conv2d(x, self.w, self.b, self.stride).clamp(min=0)


class Dense(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.empty(outputs, inputs))
        self.b = nn.Parameter(torch.empty(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.w.T + self.b


def max_pool(x: Tensor, stride: int) -> Tensor:
    """3×3, as the maximum of nine shifted maps."""
    x = pad_same(x, 3, stride, -math.inf)
    height, width = ((n - 3) // stride * stride + 1 for n in x.shape[2:])
    shifted = [
        x[:, :, i : i + height : stride, j : j + width : stride] for i in range(3) for j in range(3)
    ]
    return torch.stack(shifted).amax(0)


def average_pool(x: Tensor) -> Tensor:
    """5×5 every 3 pixels, the last partial window kept, over the pixels that are there."""
    rows, columns = (range(0, 3 * math.ceil((n - 5) / 3) + 1, 3) for n in x.shape[2:])
    windows = [x[:, :, i : i + 5, j : j + 5].mean((2, 3)) for i in rows for j in columns]
    return torch.stack(windows, 2).unflatten(2, (len(rows), len(columns)))


def normalize(x: Tensor) -> Tensor:
    """Across five channels: x / (1 + 1e-4 / 5 · Σ x²) ^ 0.75."""
    squares = F.pad(x * x, (0, 0, 0, 0, 2, 2))
    total = sum(squares[:, i : i + x.shape[1]] for i in range(5))
    return x / (1 + 1e-4 / 5 * total) ** 0.75


class Inception(nn.Module):
    def __init__(self, inputs: int, row: tuple[int, ...]) -> None:
        super().__init__()
        one, before_three, three, before_five, five, projection = row
        self.outputs = one + three + five + projection
        self.a = Convolution(inputs, one)
        self.b1, self.b2 = Convolution(inputs, before_three), Convolution(before_three, three, 3)
        self.c1, self.c2 = Convolution(inputs, before_five), Convolution(before_five, five, 5)
        self.d = Convolution(inputs, projection)

    def forward(self, x: Tensor) -> Tensor:
        paths = self.a(x), self.b2(self.b1(x)), self.c2(self.c1(x)), self.d(max_pool(x, 1))
        return torch.cat(paths, 1)


class Head(nn.Module):
    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.projection = Convolution(inputs, 128)
        self.hidden = Dense(128 * 4 * 4, 1024)
        self.final = Dense(1024, classes)

    def forward(self, x: Tensor, dropout: bool) -> Tensor:
        x = average_pool(x)
        x = self.hidden(self.projection(x).reshape(len(x), -1)).clamp(min=0)
        return self.final(F.dropout(x, 0.7, dropout))


class ReferenceGoogLeNet(nn.Module):
    """Returns (logits, head after 4a, head after 4d) in training, the logits in evaluation."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.dropout = True
        self.first = Convolution(3, 64, 7, 2)
        self.second, self.third = Convolution(64, 64), Convolution(64, 192, 3)
        self.modules_by_row = nn.ModuleDict()
        channels = 192
        for name, row in TABLE_1.items():
            self.modules_by_row[name] = module = Inception(channels, row)
            channels = module.outputs
        self.last = Dense(channels, classes)
        self.head_4a, self.head_4d = Head(512, classes), Head(528, classes)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        dropout = self.training and self.dropout
        rows = self.modules_by_row
        x = normalize(max_pool(self.first(x), 2))
        x = max_pool(normalize(self.third(self.second(x))), 2)
        x = max_pool(rows["3b"](rows["3a"](x)), 2)
        after_4a = rows["4a"](x)
        after_4d = rows["4d"](rows["4c"](rows["4b"](after_4a)))
        x = max_pool(rows["4e"](after_4d), 2)
        x = rows["5b"](rows["5a"](x))
        logits = self.last(F.dropout(x.mean((2, 3)), 0.4, dropout))
        if not self.training:
            return logits
        return logits, self.head_4a(after_4a, dropout), self.head_4d(after_4d, dropout)

    @staticmethod
    def name_in_spec(name: str) -> str:
        """The compiled network's name of one of these parameters."""
        *path, kind = name.split(".")
        suffix = {"w": "weight", "b": "bias"}[kind]
        if path[0] == "modules_by_row":
            branch = {
                "a": "1x1.conv",
                "b1": "3x3.reduce.conv",
                "b2": "3x3.3x3.conv",
                "c1": "5x5.reduce.conv",
                "c2": "5x5.5x5.conv",
                "d": "pool.proj.conv",
            }[path[2]]
            return f"inception_{path[1]}.{branch}.{suffix}"
        if path[0].startswith("head"):
            head = {"head_4a": "aux1", "head_4d": "aux2"}[path[0]]
            layer = {"projection": "conv.conv", "hidden": "fc", "final": "classifier"}[path[1]]
            return f"{head}.{layer}.{suffix}"
        stem = {
            "first": "conv1.conv",
            "second": "conv2.reduce.conv",
            "third": "conv2.3x3.conv",
            "last": "classifier",
        }
        return f"{stem[path[0]]}.{suffix}"
