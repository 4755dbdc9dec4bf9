"""Training recipes: the shipped ones against their facts, and what is said of wrong ones."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path

import pytest
from command_line import runner
from facts import load as facts
from hypothesis import given
from hypothesis import strategies as st

from inceptgraph.diagnostics import Source, SpecError
from inceptgraph.report import render
from inceptgraph.training import (
    Area,
    Cosine,
    Duration,
    Ema,
    Poly,
    Polyak,
    Recipe,
    RmsProp,
    Rule,
    Schedule,
    Sgd,
    Step,
    choose,
    factor_at,
    parse_recipe,
    shipped,
    to_yaml,
)

pytestmark = pytest.mark.fast

LEAST = "length: 1 epochs\nbatch: 8\noptimizer: {name: sgd, lr: 0.1}\n"
RECIPES = facts("recipes")


def read(text: str, **values: str) -> Recipe:
    return parse_recipe(Source("my.yaml", text), values)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("run/", "`run` is a directory, not a training recipe"),
        ("curves.svg", "`curves.svg` is a picture, not a training recipe"),
        ("nothing.yaml", "`nothing.yaml` is empty"),
    ],
)
def test_what_is_no_recipe_is_told_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("curves.svg").write_text("<svg/>")
    Path("nothing.yaml").write_text("")
    with pytest.raises(SpecError) as caught:
        choose(name)
    (found,) = caught.value.diagnostics
    assert found.message == told
    assert found.help is not None
    assert "`inceptgraph list recipes`" in found.help
    assert "spec" not in found.help


@pytest.mark.parametrize(
    ("name", "values", "message", "help"),
    [
        (
            "modern.yaml",
            {},
            "there is no file `modern.yaml`",
            "the shipped one is called `modern`, without a folder and `.yaml`",
        ),
        (
            "modern",
            {"lr": "0.1"},
            "a training recipe has no key `lr`",
            "say where: `--with optimizer.lr=0.1`",
        ),
        (
            "modern",
            {"decay": "0.9"},
            "a training recipe has no key `decay`",
            "say where: `--with optimizer.decay=0.9` or `--with average.decay=0.9`",
        ),
    ],
)
def test_what_is_nearly_right_is_told_what_is(
    name: str, values: dict[str, str], message: str, help: str
) -> None:
    with pytest.raises(SpecError) as caught:
        choose(name, values)
    (found,) = caught.value.diagnostics
    assert (found.message, found.help) == (message, help)


# -- shipped -------------------------------------------------------------------------------------


def test_googlenet_is_as_its_paper_says() -> None:
    recipe, paper = choose("googlenet_paper"), RECIPES["googlenet_paper"]
    every = Duration(paper["lr_every_epochs"], "epochs")
    assert isinstance(recipe.optimizer, Sgd)
    assert recipe.optimizer.momentum == paper["momentum"]
    assert recipe.schedule == Step(factor=paper["lr_factor"], every=every)
    assert recipe.loss.heads == paper["aux_weight"]
    crop = recipe.augment.crop
    assert isinstance(crop, Area)
    assert [list(crop.area), list(crop.aspect)] == [paper["crop"]["area"], paper["crop"]["aspect"]]
    methods = {"cubic": "bicubic"}
    wanted = {methods.get(name, name) for name in paper["interpolation"]["methods"]}
    assert set(crop.interpolation) == wanted
    assert recipe.average == Polyak()


def test_caffes_googlenet_is_as_its_solver_says() -> None:
    recipe, caffe = choose("googlenet_caffe_quick"), facts("googlenet_caffe")["training"]
    solver = caffe["quick_solver"]
    assert recipe.length == Duration(solver["max_iter"], "steps")
    assert recipe.batch == caffe["batch_train"]
    assert recipe.optimizer == Sgd(
        lr=solver["base_lr"], momentum=solver["momentum"], weight_decay=solver["weight_decay"]
    )
    assert recipe.schedule == Poly(power=solver["power"])
    rule = Rule(kind="biases", lr=caffe["lr_mult"]["bias"], decay=caffe["decay_mult"]["bias"])
    assert recipe.rules == (rule,)
    assert recipe.loss.heads == caffe["loss_weights"]["loss1"]
    assert recipe.checkpoints.every == Duration(solver["snapshot"], "steps")
    images = solver["max_iter"] * caffe["batch_train"]
    assert images / RECIPES["googlenet_paper"]["images"]["train"] > caffe["epochs"]["quick"]


def test_inception_v3_is_as_its_paper_says() -> None:
    recipe, paper = choose("inception_v3"), RECIPES["inception_v3"]
    optimizer = recipe.optimizer
    assert isinstance(optimizer, RmsProp)
    assert (optimizer.lr, optimizer.decay, optimizer.eps) == (0.045, paper["decay"], paper["eps"])
    code = facts("inception_v3")["training"]
    assert optimizer.momentum == code["code_rmsprop_momentum"]
    assert optimizer.weight_decay == RECIPES["tf_slim_trainer"]["weight_decay"]
    every = Duration(paper["lr_every_epochs"], "epochs")
    assert recipe.schedule == Step(factor=paper["lr_factor"], every=every)
    assert recipe.batch == paper["replicas"] * paper["batch_per_replica"]
    assert recipe.length == Duration(paper["epochs"], "epochs")
    assert recipe.clip_norm == paper["grad_clip"]
    assert recipe.loss.label_smoothing == paper["label_smoothing"]
    assert recipe.loss.heads == RECIPES["aux_weight_summary"]["tf_slim"]
    assert recipe.average == Ema(decay=code["ema_decay"])


def test_bn_inception_is_as_its_ports_solver_says() -> None:
    recipe = choose("bn_inception")
    (port,) = (
        each for each in facts("bn_inception")["variants"] if "lim0606" in each.get("name", "")
    )
    said = port["aux_note"]
    schedule, optimizer = recipe.schedule, recipe.optimizer
    assert isinstance(schedule, Step)
    assert isinstance(optimizer, Sgd)
    assert f"base_lr {optimizer.lr}, step {schedule.every.count}, gamma {schedule.factor}" in said
    assert f"max_iter {recipe.length.count}, " in said
    assert f"momentum {optimizer.momentum}, weight_decay {optimizer.weight_decay}, " in said
    assert "batch 32 x 2 GPUs" in said
    assert recipe.batch == 64
    assert f"loss weight {recipe.loss.heads} each" in said


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_recipe_reads_back_as_it_is_written(name: str) -> None:
    recipe = choose(name)
    assert read(to_yaml(recipe)) == recipe
    assert recipe.description
    text = shipped()[name].read_text(encoding="utf-8")
    assert "ours" in text.lower() or name == "googlenet_caffe_quick"


def test_they_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    run = runner(capsys)
    assert all(name in run("list", "recipes").out for name in shipped())
    items = json.loads(run("list", "recipes", "--json").out)
    assert [item["name"] for item in items] == list(shipped())


# -- schedules -----------------------------------------------------------------------------------


@given(st.integers(1, 400), st.integers(1, 50), st.data())
def test_factors_are_those_of_the_formulas(steps: int, in_epoch: int, data: st.DataObject) -> None:
    step = data.draw(st.integers(0, steps - 1))
    warm = data.draw(st.integers(1, steps))
    every = data.draw(st.integers(1, 20))
    part = step / steps
    formulas: list[tuple[Schedule, float]] = [
        (Step(factor=0.96, every=Duration(every, "epochs")), 0.96 ** (step // (every * in_epoch))),
        (Poly(power=0.5), math.sqrt(1 - part)),
        (Cosine(end=0.1), 0.1 + 0.9 * math.cos(math.pi * part / 2) ** 2),
    ]
    for schedule, wanted in formulas:
        assert factor_at(schedule, steps, in_epoch)(step) == pytest.approx(wanted)
    warmed = factor_at(Cosine(warm_up=Duration(warm, "steps")), steps, in_epoch)
    factors = [warmed(each) for each in range(steps)]
    rising = factors[: warm + 1]
    assert rising == pytest.approx([(each + 1) / (warm + 1) for each in range(len(rising))])
    assert factors[warm:] == sorted(factors[warm:], reverse=True)


# -- wrong ones ----------------------------------------------------------------------------------

WRONG = {
    "optmizer: {name: sgd, lr: 1}\nlength: 1 epochs\nbatch: 8": [
        "my.yaml:1:1: error[IG101]: a training recipe has no key `optmizer`"
        " (did you mean `optimizer`?)"
    ],
    "batch: 8": ["my.yaml:1:1: error[IG102]: a training recipe needs `length` and `optimizer`"],
    LEAST + "schedule: {name: cosin}": [
        "my.yaml:4:18: error[IG204]: `name` of `schedule` must be `constant`, `step`, `poly` or"
        " `cosine`, but is the word `cosin` (did you mean `cosine`?)"
    ],
    LEAST + "schedule: {warm_up: 5 epochs}": [
        "my.yaml:4:12: error[IG102]: `schedule` needs `name` (name one: `constant`, `step`, `poly`"
        " or `cosine`)"
    ],
    LEAST + "schedule: {name: step, gamma: 0.9, every: 8 epoch, factor: 0.1}": [
        "my.yaml:4:24: error[IG101]: `schedule` `step` has no key `gamma` (its keys are `warm_up`,"
        " `factor` and `every`)"
    ],
    LEAST + "schedule: {name: step, factor: 0.9, every: 8}": [
        "my.yaml:4:44: error[IG204]: `every` must be a number of epochs or steps, but is the number"
        " `8` (write `8 epochs` or `8 steps`)"
    ],
    LEAST + "schedule: {name: step, factor: 0.9, every: 8 epcohs}": [
        "my.yaml:4:44: error[IG204]: `every` must be a number of epochs or steps, but is the word"
        " `8 epcohs` (write `8 epochs`)"
    ],
    LEAST + 'clip_norm: "2"': [
        "my.yaml:4:12: error[IG204]: `clip_norm` must be a number, more than 0, but is the word `2`"
        " (quotes make it a text: write 2)"
    ],
    LEAST + "accumulate: 1.5": [
        "my.yaml:4:13: error[IG204]: `accumulate` must be a whole number, at least 1, but is the"
        " number `1.5`"
    ],
    LEAST + "augment: {mirror: yes, crop: {name: area, area: [0.5, 0.1], aspect: 3}}": [
        "my.yaml:4:19: error[IG204]: `mirror` must be true or false, but is the word `yes` (in YAML"
        " 1.2 `yes` is a word: write `true`)",
        "my.yaml:4:69: error[IG204]: `aspect` must be a list of 2 numbers, but is the number `3`"
        " (such as `[0.08, 1.0]`)",
    ],
    LEAST + "augment: {crop: {name: area, area: [0.5, 0.1]}}": [
        "my.yaml:4:36: error[IG204]: `area` goes from the least to the most, but 0.5 > 0.1"
    ],
    LEAST + "rules: {kind: biases}": [
        "my.yaml:4:8: error[IG204]: `rules` must be a list, but is a mapping (write `rules: [{kind:"
        " biases, lr: 2, decay: 0}]`)"
    ],
    LEAST + "rules: [{lr: 2}]": [
        "my.yaml:4:8: error[IG102]: rule 1 says of no parameters that it is theirs (write `kind:"
        " biases`, or `parameters: [classifier]`)"
    ],
    LEAST + "rules: [{kind: bias}]": [
        "my.yaml:4:16: error[IG204]: `kind` must be `biases`, `vectors` or `new`, but is the word"
        " `bias` (did you mean `biases`?)"
    ],
    LEAST + "loss: {weights: {aux1: -1}}": [
        "my.yaml:4:24: error[IG204]: `aux1` of `weights` must be a number, at least 0, but is the"
        " number `-1`"
    ],
    LEAST + "average: ema": [
        "my.yaml:4:10: error[IG103]: `average` must be a mapping (`key: value`), but is the word"
        " `ema` (write `average: {name: ema, decay: 0.9999}`)"
    ],
    LEAST.replace("0.1}", "0.1, nesterov: true}"): [
        "my.yaml:3:43: error[IG204]: `nesterov` needs a `momentum` (write `momentum: 0.9`, or leave"
        " `nesterov` out)"
    ],
    LEAST + "clip_norm: .inf": [
        "my.yaml:4:12: error[IG204]: `clip_norm` must be a number, more than 0, but is the number"
        " `.inf`"
    ],
    LEAST.replace("sgd, lr: 0.1", "adamw, lr: 0.1, betas: [0.9, 1]"): [
        "my.yaml:3:48: error[IG204]: each of `betas` must be a number, at least 0 and less than 1,"
        " but is the number `1`"
    ],
    LEAST + "precision: bf16": [
        "my.yaml:4:12: error[IG204]: `precision` must be `float32`, `bfloat16`, `float16` or"
        " `float64`, but is the word `bf16`"
    ],
}


@pytest.mark.parametrize("text", WRONG)
def test_a_mistake_is_told_where_it_is(text: str) -> None:
    with pytest.raises(SpecError) as error:
        read(text)
    assert str(error.value).splitlines() == WRONG[text]
    assert render(error.value.diagnostics, "full")


def test_values_are_replaced_by_path() -> None:
    recipe = read(LEAST, **{"batch": "64", "average.name": "ema", "average.decay": "0.9"})
    assert (recipe.batch, recipe.average) == (64, Ema(decay=0.9))
    with pytest.raises(SpecError) as error:
        read(LEAST, **{"optimizer.lr": "fast"})
    told = "--with optimizer.lr=fast:1:1: error[IG204]: `lr` must be a number, more than 0"
    assert str(error.value).startswith(told)
    with pytest.raises(SpecError, match="gives no value"):
        read(LEAST, batch="")


def test_a_name_that_is_none() -> None:
    with pytest.raises(SpecError, match="did you mean `modern`"):
        choose("modren")
    with pytest.raises(SpecError, match=r"there is no file `recipes/mine.yaml`"):
        choose("recipes/mine.yaml")


@given(st.text("abc:{}[]- \n01.,'\"#&*|>sgdname", max_size=80))
def test_no_text_crashes_the_reader(text: str) -> None:
    with suppress(SpecError):  # which says what is wrong
        assert isinstance(read(LEAST + text), Recipe)
