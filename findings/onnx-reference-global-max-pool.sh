#!/bin/sh
# onnx's reference evaluator takes the maximum over two axes of a map, whatever its rank.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q onnx==1.23.2 numpy==2.4.6
cat >"$folder/finding.py" <<'PY'
from importlib.metadata import version

import numpy as np
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

print("onnx", version("onnx"))
for rank in (1, 2, 3):
    shape = (2, 3, *[4] * rank)
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xy")
    node = helper.make_node("GlobalMaxPool", ["x"], ["y"])
    model = helper.make_model(helper.make_graph([node], "pool", [x], [y]))
    data = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    (found,) = ReferenceEvaluator(model).run(None, {"x": data})
    wanted = data.max(axis=tuple(range(2, 2 + rank)), keepdims=True)
    right = found.shape == wanted.shape and bool((found == wanted).all())
    print(rank, "axes:", found.shape, "right" if right else f"and not {wanted.shape}")
    assert right == (rank == 2), "this behaviour has changed"
PY
"$folder/venv/bin/python" "$folder/finding.py"
