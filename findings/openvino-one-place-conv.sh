#!/bin/sh
# OpenVINO miscomputes a convolution of one channel whose kernel has a stride and fits once into the
# width, on a processor with AVX-512; without AVX-512 it is right.
set -eu
grep -q avx512f /proc/cpuinfo || { echo "this processor has no AVX-512: nothing to see"; exit 0; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q openvino==2026.4.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import openvino
from openvino import opset13 as ops

rng = np.random.default_rng(0)
weights = rng.standard_normal((4, 1, 3, 3)).astype(np.float32)


def error(width):
    """Of a 3×3 convolution with a stride of 1 down and 2 to the right."""
    image = rng.standard_normal((1, 1, 8, width)).astype(np.float32)
    x = ops.parameter(image.shape, np.float32)
    conv = ops.convolution(x, weights, [1, 2], [0, 0], [0, 0], [1, 1])
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    found = openvino.compile_model(openvino.Model([conv], [x]), "CPU", options)(image)[0]
    windows = np.lib.stride_tricks.sliding_window_view(image.astype(np.float64), (3, 3), (2, 3))
    expected = np.einsum("nchwij,ocij->nohw", windows[:, :, :, ::2], weights)
    return found.shape, np.abs(found - expected).max() / np.abs(expected).max()


found = [error(width) for width in (3, 4, 5)]
print("openvino", openvino.__version__)
for shape, off in found:
    print(f"a result of {shape}: {off:.2g} of the largest value off")
assert found[2][1] < 1e-5
assert found[0][1] > 0.1 and found[1][1] > 0.1, "this behaviour has changed"
PY
