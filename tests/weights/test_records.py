"""Shipped remap tables against the recorded public implementations (``data/references/``).

A record lists the layers of an implementation by its own names, in an order that follows from what
is computed. So does our network: a table is right where every name becomes that of the layer at the
same place. So two layers of one shape in each other's place are seen.
"""

from __future__ import annotations

import pytest
from references import matching, torch_modules
from references.records import Record

from inceptgraph.pipeline import compile, to_graph
from inceptgraph.types import TensorInfo
from inceptgraph.weights import fit_entries
from inceptgraph.weights._remap_table import shipped
from inceptgraph_torch.names import module_path

RECORDS = {
    "caffe_alexnet": "caffe_alexnet",
    "caffe_nin_imagenet": "caffe_nin_imagenet",
    "cd_fvd_i3d": "pytorch_i3d",
    "chainer_googlenet": "chainer_googlenet",
    "facenet_inception_resnet_v1": "facenet_inception_resnet_v1",
    "facenet_triplet": "facenet_triplet",
    "keras_inception_resnet_v2": "keras_inception_resnet_v2",
    "keras_inception_v3": "keras_inception_v3",
    "keras_xception": "keras_xception",
    "pretrainedmodels_bninception": "pretrainedmodels_bninception",
    "pytorchcv_bninception": "pytorchcv_bninception",
    "pytorchcv_inceptionresnetv1": "pytorchcv_inceptionresnetv1",
    "pytorchcv_nin_cifar10": "pytorchcv_nin_cifar10",
    "pytorchcv_xception": "pytorchcv_xception",
    "smp_inception_v4_unet": "smp_inception_v4_unet",
    "timm_inception_resnet_v2": "timm_inception_resnet_v2",
    "timm_inception_v3": "torchvision_inception_v3",
    "timm_inception_v4": "timm_inception_v4",
    "timm_legacy_xception": "timm_xception",
    "timm_xception41": "timm_xception41",
    "torchvision_alexnet": "torchvision_alexnet",
    "torchvision_densenet121": "torchvision_densenet121",
    "torchvision_efficientnet_b0": "torchvision_efficientnet_b0",
    "torchvision_googlenet": "torchvision_googlenet",
    "torchvision_inception_v3": "torchvision_inception_v3",
    "torchvision_mobilenet_v2": "torchvision_mobilenet_v2",
    "torchvision_resnet18": "torchvision_resnet18",
    "torchvision_shufflenet_v2_x1_0": "torchvision_shufflenet_v2_x1_0",
    "torchvision_squeezenet1_1": "torchvision_squeezenet1_1",
    "torchvision_vgg16": "torchvision_vgg16",
    "tsai_inception_time": "tsai_inception_time",
}
"""The table that an implementation's names need."""


def test_every_table_has_a_record() -> None:
    """Caffe's names have slashes, and are held to the fact file in ``test_tables.py``; TensorFlow's
    to the records in ``test_tensorflow.py``, those of Keras 1 in ``test_keras.py``."""
    others = {
        "caffe_googlenet",
        "keras_1_xception",
        *(name for name, table in shipped().items() if table.tensorflow),
    }
    assert set(RECORDS.values()) == set(shipped()) - others


@pytest.mark.parametrize("name", RECORDS)
def test_a_table_finds_every_layer_of_an_implementation(name: str) -> None:
    record = Record.load(name)
    graph = to_graph(record.specs[0])
    if len(record.layers) == 1:
        graph = graph.phase("eval")
    module = compile(graph, dtype="float64", initialized=False)
    ours = torch_modules.layers(torch_modules.traced(module), range(len(graph.outputs)))
    entries = {
        f"{layer.name}.{kind}": TensorInfo(shape, "float32")
        for layers in record.layers.values()
        for layer in layers
        for kind, shape in layer.shapes().items()
    }
    fitted = fit_entries(to_graph(record.specs[0]), entries).require()
    prefix = fitted.fit.prefix  # which falls away
    expected = {
        f"{their.name.removeprefix(prefix)}.{kind}": f"{our.name}.{kind}"
        for their, our in matching.match(record.layers, ours)
        for kind in their.shapes()
    }
    assert fitted.fit.table is shipped()[RECORDS[name]]
    found = {pair.theirs: pair.slot.name for pair in fitted.fit.loaded}
    assert {theirs: _in_module(slot) for theirs, slot in found.items()} == expected


def _in_module(slot: str) -> str:
    node, _, kind = slot.rpartition(".")
    return f"{module_path(node)}.{kind}"


@pytest.mark.parametrize("name", ["timm_inception_resnet_v2", "timm_inception_v4"])
def test_files_with_a_background_load(name: str) -> None:
    """As pretrainedmodels publishes them, which leaves the first of 1,001 rows out as it loads."""
    record = Record.load(name)
    entries = {
        f"{layer.name}.{kind}": TensorInfo(
            (1001, *shape[1:]) if shape[0] == 1000 else shape, "float32"
        )
        for layers in record.layers.values()
        for layer in layers
        for kind, shape in layer.shapes().items()
    }
    fitted = fit_entries(to_graph(record.specs[0]), entries).require()
    shorter = {pair.slot.name for pair in fitted.fit.loaded if pair.skipped}
    assert shorter == {"classifier.weight", "classifier.bias"}
    assert not fitted.fit.adapted
