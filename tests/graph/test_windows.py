"""Sliding windows: the padding called ``same``."""

from __future__ import annotations

from itertools import product

from inceptgraph.ops import same_padding


def test_same_is_as_tensorflow_defines_it() -> None:
    sizes = product(range(1, 24), range(1, 9), range(1, 7), range(1, 4))
    for extent, kernel, stride, dilation in sizes:
        outputs = -(-extent // stride)
        whole = max((outputs - 1) * stride + dilation * (kernel - 1) + 1 - extent, 0)
        found = same_padding(extent, kernel, stride, dilation)
        assert found == (whole // 2, whole - whole // 2), (extent, kernel, stride, dilation)
