"""A training recipe as data: how a network is trained, but for its spec and its images.

These classes are the language: a field is a key, its type what may stand there, its docstring what
it means. A field with several classes takes one by its ``name``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Annotated, ClassVar, Literal

__all__ = [
    "AdamW",
    "Area",
    "Augment",
    "Average",
    "Bounds",
    "Checkpoints",
    "Constant",
    "Cosine",
    "Duration",
    "Ema",
    "LossRules",
    "Optimizer",
    "Poly",
    "Polyak",
    "Recipe",
    "RmsProp",
    "Rule",
    "Schedule",
    "Sgd",
    "Step",
    "Window",
]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The numbers that a field takes, all of them finite.

    Attributes:
        least: the smallest of them.
        most: the largest of them.
        open: ``least`` itself is none of them.
        below: ``most`` itself is none of them.
    """

    least: float = -inf
    most: float = inf
    open: bool = False
    below: bool = False

    def holds(self, value: float) -> bool:
        ends = (self.open and value == self.least) or (self.below and value == self.most)
        return self.least <= value <= self.most and value != inf and not ends

    def __str__(self) -> str:
        beginning = f"more than {self.least:g}" if self.open else f"at least {self.least:g}"
        if self.below:
            return f"{beginning} and less than {self.most:g}"
        return beginning if self.most == inf else f"from {self.least:g} to {self.most:g}"


Count = Annotated[int, Bounds(1)]
Share = Annotated[float, Bounds(0, 1)]
Memory = Annotated[float, Bounds(0, 1, below=True)]
Positive = Annotated[float, Bounds(0, open=True)]
NotNegative = Annotated[float, Bounds(0)]


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of training, in epochs or in steps: ``8 epochs``, ``320000 steps``.

    >>> Duration(2, "epochs").steps(500)
    1000
    """

    count: int
    unit: Literal["epochs", "steps"]

    def steps(self, in_epoch: int) -> int:
        """It in steps of the optimiser, of which an epoch has ``in_epoch``."""
        return self.count * (in_epoch if self.unit == "epochs" else 1)

    def __str__(self) -> str:
        return f"{self.count} {self.unit}"


# -- optimisers ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Sgd:
    """Gradient descent with momentum, as torch's ``SGD``.

    Attributes:
        lr: the rate at which it learns, before schedule and rules.
        momentum: the part of the last update that is added to this one.
        nesterov: whether the gradient is that of where momentum leads.
        weight_decay: times the parameter is added to its gradient.
    """

    word: ClassVar[str] = "sgd"
    lr: Positive
    momentum: Share = 0.0
    nesterov: bool = False
    weight_decay: NotNegative = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RmsProp:
    """RMSProp, as torch's ``RMSprop``: ``eps`` is added to the root, in TensorFlow under it.

    Attributes:
        lr: the rate at which it learns, before schedule and rules.
        decay: of the running mean of squared gradients.
        eps: added to its root.
        momentum: the part of the last update that is added to this one.
        weight_decay: times the parameter is added to its gradient.
    """

    word: ClassVar[str] = "rmsprop"
    lr: Positive
    decay: Share = 0.99
    eps: Positive = 1e-8
    momentum: Share = 0.0
    weight_decay: NotNegative = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AdamW:
    """Adam with decay apart from the gradient, as torch's ``AdamW``.

    Attributes:
        lr: the rate at which it learns, before schedule and rules.
        betas: decay of the running means of gradients and of their squares.
        eps: added to the root.
        weight_decay: times the rate, the part of a parameter that a step takes away.
    """

    word: ClassVar[str] = "adamw"
    lr: Positive
    betas: tuple[Memory, Memory] = (0.9, 0.999)
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.01


Optimizer = Sgd | RmsProp | AdamW


# -- schedules: what the rate is multiplied by ---------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Schedule:
    """Attributes:
    warm_up: a beginning in which the rate rises by equal steps; the schedule starts behind it.
    """

    warm_up: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant(_Schedule):
    """The same rate throughout."""

    word: ClassVar[str] = "constant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(_Schedule):
    """A rate that falls in steps: Caffe's ``step``.

    Attributes:
        factor: what it is multiplied by at each.
        every: how far they are apart.
    """

    word: ClassVar[str] = "step"
    factor: Share
    every: Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Poly(_Schedule):
    """A power of the part of training that is left: Caffe's ``poly``.

    Attributes:
        power: 1 is a straight line.
    """

    word: ClassVar[str] = "poly"
    power: Positive = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosine(_Schedule):
    """Half a wave of the cosine (Loshchilov & Hutter 2017).

    Attributes:
        end: the part of the rate that is left at the end.
    """

    word: ClassVar[str] = "cosine"
    end: Share = 0.0


Schedule = Constant | Step | Poly | Cosine


# -- averages of the weights ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Ema:
    """An exponential moving average of the weights, taken after each step.

    Attributes:
        decay: the part of the average that a step leaves.
        start: when it begins (default: with the first step).
    """

    word: ClassVar[str] = "ema"
    decay: Share
    start: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Polyak:
    """The plain mean of the weights after each step (Polyak & Juditsky 1992).

    Attributes:
        start: when it begins (default: with the first step).
    """

    word: ClassVar[str] = "polyak"
    start: Duration | None = None


Average = Ema | Polyak


# -- images --------------------------------------------------------------------------------------

Interpolation = Literal["nearest", "bilinear", "bicubic", "area"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window of the input's size, anywhere in the image as it is resized for evaluation."""

    word: ClassVar[str] = "window"


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A window of random area and aspect ratio, resized to the input (GoogLeNet, section 6).

    Attributes:
        area: of the window, as a part of the image's: the least and the most.
        aspect: width by height: the least and the most.
        interpolation: how it is resized, at random one of these (default: as for evaluation).
    """

    word: ClassVar[str] = "area"
    area: tuple[Share, Share] = (0.08, 1.0)
    aspect: tuple[Positive, Positive] = (3 / 4, 4 / 3)
    interpolation: tuple[Interpolation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Augment:
    """Changes of images at random.

    Attributes:
        crop: the part of an image that is taken (default: as for evaluation).
        mirror: whether every second image is mirrored.
        color: the most that brightness, contrast and saturation are changed by, as a part.
        mixup: both parameters of the beta distribution of the share that one image has of a mixed
            one (Zhang et al. 2018); 0 mixes none.
        cutmix: the same for the area of a rectangle put in from another image (Yun et al. 2019).
            Where there are both, a batch has one of them, as often each.
    """

    crop: Window | Area | None = None
    mirror: bool = False
    color: Share = 0.0
    mixup: NotNegative = 0.0
    cutmix: NotNegative = 0.0


# -- the rest ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LossRules:
    """Changes to the losses that the spec names.

    Attributes:
        label_smoothing: the part of a label that is spread over all classes (Szegedy et al. 2016,
            section 7).
        heads: the weight of each auxiliary head's loss (default: what the spec says).
        weights: of the losses of single outputs and heads, by name; they come before ``heads``.
    """

    label_smoothing: Share = 0.0
    heads: NotNegative | None = None
    weights: dict[str, NotNegative] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A difference for some parameters. Where several rules mean one, factors multiply.

    Attributes:
        parameters: their names, or first parts of them; ``*`` stands for anything (default: all).
        kind: of these only ``biases``, or ``vectors`` (biases, and all that a normalisation
            learns), or what is ``new``, which no file of weights gave.
        lr: what the rate is multiplied by.
        decay: what the weight decay is multiplied by.
    """

    parameters: tuple[str, ...] = ()
    kind: Literal["biases", "vectors", "new"] | None = None
    lr: NotNegative = 1.0
    decay: NotNegative = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """The times after which a run can be taken up again.

    Attributes:
        every: how far checkpoints are apart; the end of training has one, too.
        keep: how many of the newest are kept; the best is kept beside.
    """

    every: Duration = Duration(1, "epochs")
    keep: Count = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A training recipe: how a network is trained.

    Attributes:
        description: whose recipe it is.
        source: where its figures stand.
        length: of the training.
        batch: images in a step of the optimiser, those of all processes together.
        optimizer: what makes a step of the gradients.
        schedule: of the rate.
        rules: for some parameters.
        frozen: paths of parts that are not trained; their normalisations keep their statistics.
        loss: what is made of the losses.
        augment: what is done to images.
        average: of the weights, which evaluation then has.
        precision: what is computed in; weights are float32, but for float64.
        accumulate: the parts that a process takes its share of a batch in, one after another.
        clip_norm: the most that the norm of all gradients together may be.
        broken_images: whether an image that cannot be read is left out, or ends the training.
        checkpoints: when a run can be taken up again.
        seed: of everything that is drawn.
    """

    description: str = ""
    source: str = ""
    length: Duration
    batch: Count
    optimizer: Optimizer
    schedule: Schedule = Constant()
    rules: tuple[Rule, ...] = ()
    frozen: tuple[str, ...] = ()
    loss: LossRules = LossRules()
    augment: Augment = Augment()
    average: Average | None = None
    precision: Literal["float32", "bfloat16", "float16", "float64"] = "float32"
    accumulate: Count = 1
    clip_norm: Positive | None = None
    broken_images: Literal["skip", "refuse"] = "refuse"
    checkpoints: Checkpoints = Checkpoints()
    seed: Annotated[int, Bounds(0)] = 0
