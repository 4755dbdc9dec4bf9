"""References that are torch modules, of torchvision, timm, pytorchcv, tsai and others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from typing import Any
from unittest import mock

import torch
from torch import Tensor, fx, nn

from references import torch_modules
from references.records import Record

__all__ = ["REFERENCES", "Reference"]


@dataclass(frozen=True)
class Reference:
    """A model of a package.

    Attributes:
        spec: our spec of the same network.
        package: the distribution.
        maker: module and function.
        arguments: of the function.
        size: of the input in evaluation: height and width of an image, or channels and extents.
        training: batch and size in training.
        wrapper: what makes the network of what the function returns.
        order: where in what it returns in training stand its output and then the heads.
        overrides: see :class:`Record`.
        wrapper: what makes the network of what the function returns, if not that itself.
    """

    spec: str
    package: str
    maker: str
    arguments: Mapping[str, Any]
    size: int | tuple[int, ...]
    training: tuple[int, int | tuple[int, ...]]
    order: tuple[int, ...] = (0,)
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    wrapper: Callable[[nn.Module], nn.Module] | None = None

    @property
    def call(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        call = f"{self.maker.replace(':', '.')}({arguments})"
        return f"{self.wrapper.__name__}({call})" if self.wrapper else call

    def make(self) -> nn.Module:
        """The module, in training mode.

        Raises:
            ImportError: the package or one that it needs is not installed.
        """
        module, _, function = self.maker.partition(":")
        make: Callable[..., nn.Module] = getattr(_imported(module), function)
        made = make(**self.arguments)
        return (self.wrapper(made) if self.wrapper else made).double().train()

    def record(self) -> Record:
        module = self.make()
        torch_modules.without_dropout(module)
        layers = torch_modules.layers(torch_modules.traced(module), self.order)
        state = module.state_dict()
        given = {}
        for layer in (layer for group in layers for layer in group):
            for kind, value in layer.values().items():
                given[f"{layer.name}.{kind}"] = torch.from_numpy(value)
        counters = {name for name in state if name.endswith("num_batches_tracked")}
        assert given.keys() == state.keys() - counters, "a layer takes no part"
        module.load_state_dict(given, strict=False)
        names = ["logits", *(f"aux{index}" for index in range(1, len(layers)))]
        batch, size = self.training
        return Record(
            specs=(self.spec,),
            call=self.call,
            versions={name: version(name) for name in sorted({"torch", self.package})},
            layers=dict(zip(names, layers, strict=True)),
            training=torch_modules.run(module, _shape(batch, size), names, self.order),
            evaluation=torch_modules.run(module.eval(), _shape(1, self.size), names, self.order),
            overrides=self.overrides,
        )


def _shape(batch: int, size: int | tuple[int, ...]) -> tuple[int, ...]:
    return (batch, *size) if isinstance(size, tuple) else (batch, 3, size, size)


def _imported(module: str) -> Any:
    """A module, though torchvision may lack its compiled operators, which no model here needs."""
    register = torch.library.register_fake

    def register_known(name: Any, *args: Any, **kwargs: Any) -> Any:
        if str(name).startswith("torchvision::"):
            return lambda function: function
        return register(name, *args, **kwargs)

    with mock.patch.object(torch.library, "register_fake", register_known):
        return import_module(module)


class Triplet(nn.Module):
    """A package's network on three inputs, one after the other."""

    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> tuple[Tensor, ...]:
        return self.tower(anchor), self.tower(positive), self.tower(negative)


class Clip(nn.Module):
    """pytorch-i3d's network, of whose borders fx sees nothing: they are computed from sizes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        for part in network.modules():
            if hasattr(part, "compute_pad"):
                part.forward = _seen_by_fx(part, part.forward)

    def forward(self, video: Tensor) -> Any:
        return self.network(video)


def _seen_by_fx(part: nn.Module, whole: Callable[[Tensor], Tensor]) -> Callable[[Any], Any]:
    """What fx sees of a part: its layers in a chain."""

    def forward(x: Any) -> Any:
        if not isinstance(x, fx.Proxy):
            return whole(x)
        for layer in part.children():
            x = layer(x)
        return x

    return forward


def of_any_size(module: nn.Module) -> nn.Module:
    """segmentation_models_pytorch's network without its look at the size, which fx cannot trace."""
    module.requires_divisible_input_shape = False
    return module


def with_cbam(module: nn.Module) -> nn.Module:
    """torchvision's GoogLeNet with timm's CBAM behind each inception module."""
    gate = _imported("timm.layers.cbam").CbamModule
    for name, part in [*module.named_children()]:
        if name.startswith("inception"):
            width = part.branch4[1].conv.out_channels + part.branch1.conv.out_channels
            width += sum(branch[1].conv.out_channels for branch in (part.branch2, part.branch3))
            module.set_submodule(name, nn.Sequential(part, gate(width)))
    return module


def _torchvision(spec: str, model: str, *rest: Any, **arguments: Any) -> Reference:
    maker = f"torchvision.models:{model}"
    return Reference(spec, "torchvision", maker, {"weights": None, **arguments}, *rest)


def _timm(spec: str, model: str, *rest: Any, **arguments: Any) -> Reference:
    return Reference(spec, "timm", "timm:create_model", {"model_name": model, **arguments}, *rest)


def _pytorchcv(spec: str, model: str, *rest: Any) -> Reference:
    maker = "pytorchcv.model_provider:get_model"
    return Reference(spec, "pytorchcv", maker, {"name": model}, *rest)


# The auxiliary classifier of Inception-v3 wants the 17×17 map of 299 pixels, and ends in 1×1: with
# two images a normalised map would be little more than its sign.
REFERENCES: Mapping[str, Reference] = {
    "torchvision_googlenet": _torchvision(
        "googlenet_torchvision", "googlenet", 224, (2, 224), (0, 2, 1), init_weights=False
    ),
    "torchvision_inception_v3": _torchvision(
        "inception_v3", "inception_v3", 299, (3, 299), (0, 1), init_weights=False
    ),
    "torchvision_alexnet": _torchvision("alexnet_torchvision", "alexnet", 224, (2, 224)),
    "torchvision_vgg16": _torchvision("vgg16", "vgg16", 224, (2, 64), init_weights=False),
    "torchvision_resnet18": _torchvision("resnet18", "resnet18", 224, (2, 128)),
    "torchvision_squeezenet1_1": _torchvision("squeezenet1_1", "squeezenet1_1", 224, (2, 64)),
    "torchvision_mobilenet_v2": _torchvision("mobilenet_v2", "mobilenet_v2", 224, (2, 96)),
    "torchvision_densenet121": _torchvision("densenet121", "densenet121", 224, (2, 96)),
    "torchvision_efficientnet_b0": _torchvision("efficientnet_b0", "efficientnet_b0", 224, (2, 96)),
    "torchvision_shufflenet_v2_x1_0": _torchvision(
        "shufflenet_v2_x1_0", "shufflenet_v2_x1_0", 224, (2, 96)
    ),
    "timm_inception_v3": _timm(
        "inception_v3", "inception_v3", 299, (3, 299), (0, 1), aux_logits=True
    ),
    "timm_inception_v4": _timm("inception_v4", "inception_v4", 299, (2, 155)),
    "timm_inception_resnet_v2": _timm("inception_resnet_v2", "inception_resnet_v2", 299, (2, 155)),
    "timm_legacy_xception": _timm("xception", "legacy_xception", 299, (2, 155)),
    "timm_googlenet_cbam": Reference(
        "googlenet_cbam",
        "timm",
        "torchvision.models:googlenet",
        {"weights": None, "init_weights": False},
        224,
        (2, 96),
        (0, 2, 1),
        wrapper=with_cbam,
    ),
    "timm_xception41": _timm("xception41", "xception41", 299, (2, 96)),
    "tsai_inception_time": Reference(
        "inception_time",
        "tsai",
        "tsai.models.InceptionTime:InceptionTime",
        {"c_in": 1, "c_out": 10},
        (1, 128),
        (4, (1, 128)),
    ),
    "pretrainedmodels_bninception": Reference(
        "bn_inception",
        "pretrainedmodels",
        "pretrainedmodels:bninception",
        {"pretrained": None},
        224,
        (2, 224),
    ),
    "facenet_inception_resnet_v1": Reference(
        "inception_resnet_v1",
        "facenet-pytorch",
        "facenet_pytorch.models.inception_resnet_v1:InceptionResnetV1",
        {"pretrained": None, "classify": True, "num_classes": 1000},
        299,
        (2, 155),
    ),
    "smp_inception_v4_unet": Reference(
        "inception_v4_unet",
        "segmentation-models-pytorch",
        "segmentation_models_pytorch:Unet",
        {"encoder_name": "inceptionv4", "encoder_weights": None, "classes": 1},
        96,
        (2, 96),
        wrapper=of_any_size,
    ),
    "facenet_triplet": Reference(
        "facenet_triplet",
        "facenet-pytorch",
        "facenet_pytorch.models.inception_resnet_v1:InceptionResnetV1",
        {"pretrained": None},
        160,
        (2, 160),
        (0, 1, 2),
        wrapper=Triplet,
    ),
    "cd_fvd_i3d": Reference(
        "i3d",
        "cd-fvd",
        "cdfvd.third_party.i3d.pytorch_i3d:InceptionI3d",
        {"num_classes": 400},
        (3, 17, 193, 193),
        (1, (3, 17, 193, 193)),
        overrides={"batch_norm": {"eps": 1e-5}},
        wrapper=Clip,
    ),
    "pytorchcv_nin_cifar10": _pytorchcv("nin_cifar10", "nin_cifar10", 32, (2, 32)),
    "pytorchcv_bninception": _pytorchcv("bn_inception", "bninception", 224, (2, 224)),
    "pytorchcv_inceptionresnetv1": _pytorchcv(
        "inception_resnet_v1", "inceptionresnetv1", 299, (2, 299)
    ),
    "pytorchcv_xception": _pytorchcv("xception", "xception", 299, (2, 299)),
}
