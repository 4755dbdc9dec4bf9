"""Exports, read and run by one program: ``python read.py READER FOLDER…``.

It stands in an environment that holds the program and NumPy, and nothing of ours. A FOLDER holds
``model.onnx``, ``model.pt2``, ``inputs.npz`` and ``calibration.npz``, whose arrays have the names
of the inputs, in order, and ``outputs.txt`` with the names of the outputs. Each is read in a
process of its own, which may die. What comes of it is written there: ``READER.npz`` with the
outputs, by name as far as the program knows them, or ``READER.txt`` with what went wrong.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, Any]

WINOGRAD = 3  # MNN's `WINOGRAD_MEMORY_LEVEL`, for which Python has no name

SECONDS = 600
"""What a program may take for one export."""


def onnxruntime(folder: Path, inputs: Arrays, model: str = "model.onnx") -> Arrays:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(folder / model, options)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs), strict=True))


def openvino(folder: Path, inputs: Arrays) -> Arrays:
    import openvino

    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    run = openvino.compile_model(folder / "model.onnx", "CPU", options)
    found = run(inputs)
    return {port.get_any_name(): found[port] for port in run.outputs}


def opencv(folder: Path, inputs: Arrays) -> Arrays:
    import cv2

    cv2.setNumThreads(1)
    net = cv2.dnn.readNetFromONNX(str(folder / "model.onnx"))
    for name, array in inputs.items():
        net.setInput(array, name)
    names = net.getUnconnectedOutLayersNames()
    return dict(zip(names, net.forward(names), strict=True))


def onnx2torch(folder: Path, inputs: Arrays) -> Arrays:
    import torch
    from onnx2torch import convert

    torch.set_num_threads(1)
    module = convert(str(folder / "model.onnx")).eval()
    with torch.no_grad():
        return _listed(module(*map(torch.from_numpy, inputs.values())))


def ncnn(folder: Path, inputs: Arrays) -> Arrays:
    """Sample by sample: ncnn knows no batch. Arithmetic is asked for in float32."""
    import ncnn

    shapes = ",".join(str([1, *array.shape[1:]]).replace(" ", "") for array in inputs.values())
    copied = folder / "ncnn" / "model.onnx"
    copied.parent.mkdir(exist_ok=True)
    shutil.copy(folder / "model.onnx", copied)
    package = find_spec("pnnx")  # which imports torch; the program in it does not need that
    assert package is not None and package.origin is not None
    program = Path(package.origin).parent / "pnnx"
    _call(program, copied, f"inputshape={shapes}", "fp16=0")
    net = ncnn.Net()
    net.opt.num_threads = 1
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = False
    net.load_param(str(copied.with_suffix(".ncnn.param")))
    net.load_model(str(copied.with_suffix(".ncnn.bin")))
    samples = []
    for sample in zip(*inputs.values(), strict=True):
        extractor = net.create_extractor()
        for place, array in enumerate(sample):
            extractor.input(f"in{place}", ncnn.Mat(np.ascontiguousarray(array)).clone())
        count = len(net.output_names())
        samples.append([np.array(extractor.extract(f"out{place}")[1]) for place in range(count)])
    return {str(place): np.stack(each) for place, each in enumerate(zip(*samples, strict=True))}


def mnn(folder: Path, inputs: Arrays) -> Arrays:
    """With small tiles of Winograd's method: those that it takes by default cost two digits."""
    import MNN.expr
    import MNN.nn

    made = folder / "model.mnn"
    convert = Path(sys.executable).parent / "mnnconvert"
    model = folder / "model.onnx"
    _call(convert, "-f", "ONNX", "--modelFile", model, "--MNNModel", made, "--bizCode", "x")
    names = (folder / "outputs.txt").read_text().split()
    manager = MNN.nn.create_runtime_manager(({"backend": 0, "numThread": 1},))
    manager.set_hint(WINOGRAD, 0)
    net = MNN.nn.load_module_from_file(str(made), list(inputs), names, runtime_manager=manager)
    given = [MNN.expr.const(array, list(array.shape), MNN.expr.NCHW) for array in inputs.values()]
    found = [MNN.expr.convert(each, MNN.expr.NCHW) for each in net.forward(given)]
    return {name: each.read().copy() for name, each in zip(names, found, strict=True)}


def onnxslim(folder: Path, inputs: Arrays) -> Arrays:
    """What ONNX Runtime makes of the model that onnxslim made smaller."""
    import onnxslim

    onnxslim.slim(str(folder / "model.onnx"), str(folder / "slim.onnx"))
    return onnxruntime(folder, inputs, "slim.onnx")


def quantization(folder: Path, inputs: Arrays) -> Arrays:
    """What ONNX Runtime makes of the model in int8, calibrated on random images.

    Weights are unsigned: processors without VNNI add products of signed ones in 16 bits, which
    overflow. The other way that its documentation gives, ``reduce_range``, makes 7 bits of them.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Images(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.images = iter([dict(np.load(folder / "calibration.npz"))])

        def get_next(self) -> Arrays | None:
            return next(self.images, None)

    quant_pre_process(folder / "model.onnx", folder / "prepared.onnx", skip_symbolic_shape=True)
    eight = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QUInt8}
    quantize_static(folder / "prepared.onnx", folder / "int8.onnx", Images(), **eight)
    return onnxruntime(folder, inputs, "int8.onnx")


def pt2(folder: Path, inputs: Arrays) -> Arrays:
    import torch

    torch.set_num_threads(1)
    module = torch.export.load(folder / "model.pt2").module()
    with torch.no_grad():
        return _listed(module(*map(torch.from_numpy, inputs.values())))


def _listed(found: Any) -> Arrays:
    """Outputs of a module of torch: a tensor, several, or a dictionary."""
    if isinstance(found, dict):
        return {name: value.numpy() for name, value in found.items()}
    several = found if isinstance(found, (list, tuple)) else [found]
    return {str(place): value.numpy() for place, value in enumerate(several)}


def _call(program: Path, *arguments: Any) -> None:
    """Run a program to its end."""
    done = subprocess.run([program, *arguments], capture_output=True, check=False)
    if done.returncode < 0:
        raise RuntimeError(f"{program.name} stops by {signal.Signals(-done.returncode).name}")
    if done.returncode:
        raise RuntimeError(f"{program.name} ends with {done.returncode}")


LIBRARIES = {
    "onnx2torch": ["torch", "onnx2torch"],
    "quantization": ["onnxruntime.quantization"],
    "onnxslim": ["onnxslim", "onnxruntime"],
    "pt2": ["torch"],
}
"""What is loaded once for all exports; what is not named here loads in no time."""


def _alone(reader: str, folder: Path) -> None:
    """Read one export, in a process that ends with it."""
    signal.alarm(SECONDS)
    os.chdir(folder)  # MNN's converter writes weights beside whoever calls it
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    try:
        found = globals()[reader](folder, dict(np.load(folder / "inputs.npz")))
        np.savez(folder / f"{reader}.npz", **found)
    except BaseException as error:
        text = " ".join(str(error).split()) or "no reason is given"
        _tell(reader, folder, f"{type(error).__name__}: {text}")


def _tell(reader: str, folder: Path, reason: str) -> None:
    (folder / f"{reader}.txt").write_text(reason.replace(f"{folder}/", ""), encoding="utf-8")


def main(reader: str, folders: list[Path]) -> None:
    os.environ["PATH"] = os.devnull  # MNN's converter runs `pip install` of a package for logging
    for library in LIBRARIES.get(reader, []):
        importlib.import_module(library)
    for folder in folders:
        for old in (folder / f"{reader}.npz", folder / f"{reader}.txt"):
            old.unlink(missing_ok=True)
        child = os.fork()
        if not child:
            _alone(reader, folder)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status < 0:
            _tell(reader, folder, f"stops by {signal.Signals(-status).name}")
        elif status:
            _tell(reader, folder, f"ends with {status}")


if __name__ == "__main__":
    main(sys.argv[1], [Path(folder).resolve() for folder in sys.argv[2:]])
