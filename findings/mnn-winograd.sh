#!/bin/sh
# MNN takes tiles of Winograd's method by default that cost float32 two of its digits.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q MNN==3.6.1 onnx==1.23.2 numpy==2.4.6
cat >"$folder/finding.py" <<'PY'
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import MNN.expr
import MNN.nn
import numpy as np
import onnx
from onnx import helper, numpy_helper

random, place = np.random.default_rng(0), Path(sys.argv[1])
kernel = random.standard_normal((64, 64, 3, 3)).astype(np.float32) / 24
image = random.standard_normal((1, 64, 56, 56)).astype(np.float32)
floats, shape = onnx.TensorProto.FLOAT, list(image.shape)
conv = helper.make_node("Conv", ["x", "k"], ["y"], pads=[1, 1, 1, 1])
x, y = (helper.make_tensor_value_info(name, floats, shape) for name in "xy")
graph = helper.make_graph([conv], "conv", [x], [y], [numpy_helper.from_array(kernel, "k")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, place / "conv.onnx")
convert = [Path(sys.executable).parent / "mnnconvert", "-f", "ONNX", "--bizCode", "x"]
files = ["--modelFile", place / "conv.onnx", "--MNNModel", place / "conv.mnn"]
quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": place}  # where it leaves a file
alone = {"PATH": os.devnull}  # else it runs `pip install` of a package for logging
subprocess.run([*convert, *files], **quiet, env=alone)

padded = np.pad(image.astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
expected = np.einsum("ncyxij,ocij->noyx", windows, kernel.astype(np.float64), optimize=True)


def error(level):
    manager = MNN.nn.create_runtime_manager(({"backend": 0, "numThread": 1},))
    if level is not None:
        manager.set_hint(3, level)  # WINOGRAD_MEMORY_LEVEL
    net = MNN.nn.load_module_from_file(
        str(place / "conv.mnn"), ["x"], ["y"], runtime_manager=manager
    )
    found = net.forward([MNN.expr.const(image, list(image.shape), MNN.expr.NCHW)])[0]
    found = MNN.expr.convert(found, MNN.expr.NCHW).read()
    return np.abs(found - expected).max() / np.abs(expected).max()


default, small = error(None), error(0)
print("MNN", version("MNN"))
print(f"by default {default:.1e} off, with WINOGRAD_MEMORY_LEVEL 0 {small:.1e}")
assert small < 1e-5
assert default > 10 * small, "this behaviour has changed"
PY
"$folder/venv/bin/python" "$folder/finding.py" "$folder"
