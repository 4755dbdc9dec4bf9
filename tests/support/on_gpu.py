"""The CUDA device of tests, and how far off its results may be.

The tolerances are relative to the largest element of the expected result. GoogLeNet's initial
weights keep its values within a few powers of two, so errors grow about with the square root of the
number of roundings: some hundred times the unit roundoff over 22 layers and sums of up to 9,216
terms.
"""

from __future__ import annotations

from torch import Tensor

__all__ = ["DEVICE", "TOLERANCES", "distance"]

DEVICE = "cuda"

# unit roundoff: 2**-53, 2**-24, and 2**-11 both for TF32's and for float16's mantissa, 2**-8
TOLERANCES = {
    "float64": 1e-12,
    "float32": 1e-5,
    "tf32": 1e-2,
    "float16": 2e-2,
    "bfloat16": 1e-1,
}


def distance(found: Tensor, expected: Tensor) -> float:
    return ((found.cpu().double() - expected).abs().max() / expected.abs().max()).item()
