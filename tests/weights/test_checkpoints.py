"""Checkpoints as trainers write them: the tensors are found, and nothing else in them is run."""

from __future__ import annotations

import argparse
import io
import pathlib
import pickle
import sys
import zipfile
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_network import TINY, assert_same, tiny
from torch import Tensor, nn

import inceptgraph
from inceptgraph.diagnostics import Code, Source, SpecError
from inceptgraph.pipeline import to_graph
from inceptgraph.weights import WeightsFile, fit_file, to_json
from inceptgraph.weights._contents import look
from inceptgraph_torch import checkpoints
from inceptgraph_torch.checkpoints import open_contents
from inceptgraph_torch.inert_pickle import Unpickler, load
from inceptgraph_torch.inert_values import Stub

SPEC = Source("tiny.yaml", TINY)
FLAT = "name: Flat\ninput: {features: 3}\nstages:\n  fc: {op: linear, out: 2}\n"
GRAPH = to_graph(SPEC)
MODEL = tiny(seed=1)
STATE = MODEL.state_dict()
AVERAGED = {name: tensor + 1 for name, tensor in STATE.items()}


def saved(content: Any, path: Path, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


def loaded(file: Path | WeightsFile) -> dict[str, Tensor]:
    return dict(inceptgraph.compile(SPEC, weights=file).state_dict())


def assert_loads(file: Path | WeightsFile, state: Mapping[str, Tensor] = STATE) -> None:
    found = loaded(file)
    assert found.keys() == STATE.keys()
    for name, tensor in found.items():
        assert_same(tensor, state[name])


def refused(file: Path | WeightsFile) -> str:
    with pytest.raises(SpecError) as caught:
        fit_file(GRAPH, file)
    (finding,) = caught.value.diagnostics
    assert finding.code is Code.UNREADABLE_WEIGHTS
    return f"{finding.message} ({finding.help})"


def under(prefix: str, state: Mapping[str, Tensor] = STATE) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in state.items()}


def optimizer() -> dict[str, Any]:
    """The state of one that has made a step."""
    network = tiny(seed=1)
    found = torch.optim.Adam(network.parameters())
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    found.step()
    return found.state_dict()


# -- what trainers write -----------------------------------------------------------------------

ARGS = argparse.Namespace(lr=0.1, data=pathlib.PurePosixPath("/data"), epochs=[1, 2])
CHECKPOINTS: dict[str, Callable[[], Any]] = {
    "PyTorch's ImageNet example": lambda: {
        "epoch": 3,
        "arch": "googlenet",
        "state_dict": STATE,
        "best_acc1": torch.tensor(70.1),
        "optimizer": optimizer(),
    },
    "a loss beside": lambda: {"model": STATE, "loss": torch.tensor(0.5)},
    "torchvision's references": lambda: {
        "model": STATE,
        "optimizer": optimizer(),
        "lr_scheduler": {"last_epoch": 3, "_last_lr": [np.float64(0.1)]},
        "epoch": 3,
        "args": ARGS,
    },
    "Lightning": lambda: {
        "epoch": 1,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": {**under("model."), "criterion.weight": torch.ones(5)},
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.tensor(1.0)}},
        "optimizer_states": [optimizer()],
        "hyper_parameters": defaultdict(list, lr=[0.1]),
    },
    "an averaged model": lambda: torch.optim.swa_utils.AveragedModel(MODEL).state_dict(),
    "an averaged model beside": lambda: {
        "model_ema": torch.optim.swa_utils.AveragedModel(MODEL).state_dict(),
        "epoch": 2,
    },
    "shadow": lambda: {"decay": 0.999, "num_updates": 5, "shadow": STATE},
    "ema in an object's place": lambda: {"ema": {"shadow": under("module."), "of": ARGS}},
    "net": lambda: {"net": STATE},
    "weights": lambda: {"weights": STATE},
    "params": lambda: {"params": STATE, "step": 7},
    "data parallel": lambda: {"model_state": nn.DataParallel(MODEL).state_dict()},
    "compiled": lambda: under("_orig_mod."),
    "compiled, in parallel": lambda: {"state_dict": under("_orig_mod.module.")},
    "parallel, compiled": lambda: {"state_dict": under("module._orig_mod.")},
    "a detector": lambda: {
        "model": {
            **under("backbone.body."),
            "backbone.fpn.0.weight": torch.ones(1),
            "rpn.head.weight": torch.ones(1),
        }
    },
    "a wrapper of one's own": lambda: under("net."),
    "both under one name": lambda: {"state_dict": STATE, "model": STATE},
    "a mapping of a mapping": lambda: {"checkpoint": {"student": {"model_state_dict": STATE}}},
}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before torch 1.6"])
@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_trainers_file_loads(name: str, zipped: bool, tmp_path: Path) -> None:
    content = CHECKPOINTS[name]()
    path = saved(content, tmp_path / "w", _use_new_zipfile_serialization=zipped)
    assert_loads(path)


def test_where_the_tensors_stand_is_told(tmp_path: Path) -> None:
    path = saved(CHECKPOINTS["Lightning"](), tmp_path / "w")
    fitted = fit_file(GRAPH, path)
    told = fitted.lines()
    assert told[:3] == [
        "format: PyTorch",
        "key: state_dict",
        "names: as they are, without `model.`",
    ]
    assert "beside `model.`: all of criterion (1 entry)" in told
    found = to_json(fitted)
    assert (found["key"], found["prefix"]) == ("state_dict", "model.")
    assert found["beside"] == ["criterion.weight"]
    assert fitted.record()["key"] == "state_dict"


# -- several mappings --------------------------------------------------------------------------

SEVERAL = {
    "timm": {"state_dict": STATE, "state_dict_ema": AVERAGED, "args": ARGS},
    "torchvision": {"model": STATE, "model_ema": under("module.", AVERAGED), "args": ARGS},
}


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [("timm", "state_dict", "state_dict_ema"), ("torchvision", "model", "model_ema")],
)
def test_several_mappings_are_named_and_one_is_chosen(
    name: str, first: str, second: str, tmp_path: Path
) -> None:
    """Which of the two a user wants is no guess of ours: their numbers differ."""
    path = saved(SEVERAL[name], tmp_path / "w")
    said = refused(path)
    count = len(STATE)
    assert f"several mappings of tensors: `{first}` ({count} tensors), `{second}` ({count}" in said
    assert f"`--key {second}`" in said
    assert_loads(WeightsFile(path, key=first))
    assert_loads(WeightsFile(path, key=second), AVERAGED)
    assert f"did you mean `{second}`?" in refused(WeightsFile(path, key=second + "a"))
    assert f"it holds `{first}`" in refused(WeightsFile(path, key="discriminator"))


def test_a_key_inside_another(tmp_path: Path) -> None:
    path = saved(
        {"a": {"gen": STATE, "dis": AVERAGED}, "b": {"gen": dict(AVERAGED)}}, tmp_path / "w"
    )
    assert "`a.gen` (30 tensors), `a.dis` (30 tensors), `b.gen` (30 tensors)" in refused(path)
    assert_loads(WeightsFile(path, key="a.dis"), AVERAGED)


@pytest.mark.parametrize(
    "content",
    [
        {"a.b": STATE, "a": {"b": dict(AVERAGED)}},
        {0: STATE, "ema": AVERAGED},
        {0: STATE, "0": dict(AVERAGED)},
        {**STATE, "ema": AVERAGED},
    ],
    ids=["dots in a key", "a number for a key", "a number and its text", "beside layers"],
)
def test_no_mapping_hides_another(content: dict[Any, Any], tmp_path: Path) -> None:
    assert "holds several mappings of tensors" in refused(saved(content, tmp_path / "w"))


def test_options_of_the_wrong_type(tmp_path: Path) -> None:
    for wrong in ({"key": 3}, {"prefix": 3}, {"adapt_input": "no"}):
        with pytest.raises(TypeError, match=f"`{next(iter(wrong))}` must be"):
            WeightsFile(tmp_path / "w", **wrong)


def test_the_top_of_a_file_is_chosen(tmp_path: Path) -> None:
    """No key has a name for it but the empty one."""
    linear = to_graph(Source("flat.yaml", FLAT))
    top = {"weight": torch.ones(2, 3), "bias": torch.ones(2)}
    averaged = {name: tensor * 2 for name, tensor in top.items()}
    path = saved(
        {**top, "ema": averaged, "older": averaged | {"bias": top["bias"]}}, tmp_path / "w"
    )
    with pytest.raises(SpecError) as caught:
        fit_file(linear, path)
    (finding,) = caught.value.diagnostics
    assert "the top (2 tensors), `ema` (2 tensors)" in finding.message
    assert finding.help is not None and "`--key ema`" in finding.help
    assert '`--key ""` is the top' in finding.help
    for key, state in (("", top), ("ema", averaged)):
        contents = look(path, key)
        assert contents.key == key
        assert open_contents(contents)("weight").tolist() == state["weight"].tolist()
        assert fit_file(linear, WeightsFile(path, key=key)).not_finite == {}
    assert "holds no mapping of tensors at the top" in refused(
        WeightsFile(saved({"model": STATE}, tmp_path / "v"), key="")
    )


def test_a_key_of_a_file_without_any(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file(STATE, tmp_path / "w")
    said = refused(WeightsFile(tmp_path / "w", key="model"))
    assert "is a file of safetensors, whose tensors have no keys" in said


def test_a_prefix_is_chosen(tmp_path: Path) -> None:
    both = {**under("student."), **under("teacher.", AVERAGED)}
    path = saved(both, tmp_path / "w")
    for prefix, state in (("student", STATE), ("teacher.", AVERAGED)):
        assert_loads(WeightsFile(path, prefix=prefix), state)
    with pytest.raises(SpecError, match=r"no name in `.*` begins with `teach\.`"):
        fit_file(GRAPH, WeightsFile(path, prefix="teach"))
    with pytest.raises(SpecError, match="do not fit"):
        loaded(WeightsFile(saved(under("model."), tmp_path / "v"), prefix=""))


# -- nothing runs ------------------------------------------------------------------------------


class Colour(Enum):
    RED = 1


class Settings(dict[str, Any]):
    """As OmegaConf's and Lightning's: a mapping with a class of its own."""


class Counted:
    """Harmless, and would be seen: what restoring it would run adds to a list."""

    seen: list[str] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.inner = [1, 2]

    def __new__(cls) -> Counted:
        cls.seen.append("new")
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        self.seen.append("setstate")


def note(*arguments: Any) -> str:
    """What :class:`Calling` would call."""
    Counted.seen.append("called")
    return "called"


class Calling:
    def __reduce__(self) -> tuple[Any, ...]:
        return note, (1, [2])


OBJECTS = {
    "namespace": (lambda: ARGS, "argparse.Namespace"),
    "numpy scalar": (lambda: np.float32(0.5), "scalar"),
    "numpy array": (lambda: np.ones(3), "numpy"),
    "enum": (lambda: Colour.RED, "Colour"),
    "mapping": (lambda: Settings(a=1), "Settings"),
    "restored": (Counted, "Counted"),
    "called": (Calling, "note"),
    "path": (lambda: pathlib.PurePosixPath("a"), "PurePosixPath"),
    "optimiser": (lambda: torch.optim.SGD(MODEL.parameters(), 0.1), "SGD"),
    "a whole model": (lambda: nn.Linear(2, 2), "Linear"),
}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before torch 1.6"])
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", OBJECTS)
def test_objects_are_left_unread(name: str, protocol: int, zipped: bool, tmp_path: Path) -> None:
    make, kind = OBJECTS[name]
    content = {"model": STATE, "args": make(), "key": {make(): 1} if name == "enum" else 0}
    options = {"pickle_protocol": protocol, "_use_new_zipfile_serialization": zipped}
    path = saved(content, tmp_path / "w", **options)
    Counted.seen.clear()
    assert_loads(path)
    assert not Counted.seen
    fitted = fit_file(GRAPH, path)
    assert any(kind in stub for stub in fitted.contents.stubs)
    line = next(line for line in fitted.lines() if line.startswith("left unread: objects of "))
    assert kind in line
    assert any(kind in stub for stub in to_json(fitted)["left_unread"])


def test_what_would_be_called_is_one_that_is(tmp_path: Path) -> None:
    """The test above would see it: a reader without care calls it."""
    path = saved({"a": Calling(), "b": Counted()}, tmp_path / "w")
    Counted.seen.clear()
    assert torch.load(path, weights_only=False)["a"] == "called"
    assert Counted.seen == ["called", "new", "setstate"]


def test_a_module_that_is_not_here_is_not_looked_for(tmp_path: Path) -> None:
    name = "somebodys_trainer"
    module = ModuleType(name)
    module.Config = type("Config", (), {"__module__": name, "__qualname__": "Config"})
    sys.modules[name] = module
    try:
        path = saved({"model": STATE, "config": module.Config()}, tmp_path / "w")
    finally:
        del sys.modules[name]
    assert_loads(path)
    assert look(path).stubs == (f"{name}.Config",)
    assert name not in sys.modules


def test_an_object_in_the_place_of_a_tensor(tmp_path: Path) -> None:
    path = saved({**STATE, "stem.bias": ARGS}, tmp_path / "w")
    with pytest.raises(SpecError, match=r"1 of another kind \(argparse\.Namespace\)"):
        loaded(path)


def test_a_whole_model_is_named_and_not_read(tmp_path: Path) -> None:
    words = "objects of torch.nn.modules.linear.Linear, which are not read"
    content = {"model": nn.Linear(2, 2), "epoch": 1}
    assert words in refused(saved(content, tmp_path / "w"))


def test_parameters_and_tensors_with_attributes(tmp_path: Path) -> None:
    state: dict[str, Tensor] = {}
    for name, tensor in STATE.items():
        state[name] = nn.Parameter(tensor.clone(), requires_grad=tensor.is_floating_point())
        state[name].note = "mine"  # type: ignore[attr-defined]
    state["stem.weight"] = STATE["stem.weight"].clone()
    state["stem.weight"].note = Counter("ab")  # type: ignore[attr-defined]
    assert_loads(saved(state, tmp_path / "w"))


def test_views_of_one_storage(tmp_path: Path) -> None:
    whole = torch.arange(40.0).reshape(5, 8)
    path = saved({"a.t": whole.T, "a.part": whole[1:3, ::2], "a.again": whole}, tmp_path / "w")
    read = open_contents(look(path))
    for name, tensor in (("a.t", whole.T), ("a.part", whole[1:3, ::2]), ("a.again", whole)):
        assert torch.equal(read(name), tensor)


@pytest.mark.parametrize("dtype", [torch.uint16, torch.float8_e4m3fn, torch.bool, torch.complex64])
def test_every_type_of_number(dtype: torch.dtype, tmp_path: Path) -> None:
    numbers = torch.arange(8).to(dtype)
    read = open_contents(look(saved({"a.w": numbers}, tmp_path / "w")))
    assert read("a.w").dtype is dtype
    assert torch.equal(read("a.w").view(torch.uint8), numbers.view(torch.uint8))


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before torch 1.6"])
def test_tensors_that_are_negated_or_conjugated_where_they_stand(
    zipped: bool, tmp_path: Path
) -> None:
    """A file keeps the numbers as they lie in memory, and beside them what torch makes of them."""
    numbers = torch.complex(torch.arange(4.0), torch.arange(4.0) - 9)
    state = {"a.plain": numbers, "a.conj": numbers.conj(), "a.neg": torch._neg_view(numbers)}
    state["a.both"] = torch._neg_view(numbers).conj()
    assert state["a.conj"].is_conj() and state["a.both"].is_neg()
    path = saved(state, tmp_path / "w", _use_new_zipfile_serialization=zipped)
    read = open_contents(look(path))
    for name, tensor in state.items():
        assert read(name).tolist() == tensor.tolist(), name


def test_a_tensor_with_its_sign_beside_it_loads(tmp_path: Path) -> None:
    weight = STATE["stem.weight"]
    negated = torch.complex(torch.zeros_like(weight), -weight).conj().imag
    assert negated.is_neg()
    assert_loads(saved({**STATE, "stem.weight": negated}, tmp_path / "w"))


@pytest.mark.parametrize("module", ["code.config", "sys.settings", "shutil.plan", "pickle.what"])
def test_a_class_of_a_trainers_own_module_is_no_program(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what starts programs is refused: a module of that name is anyone's."""
    own = ModuleType(module)
    own.Config = type("Config", (), {"__module__": module, "__qualname__": "Config"})
    monkeypatch.setitem(sys.modules, module, own)
    path = saved({"model": STATE, "config": own.Config()}, tmp_path / "w")
    assert_loads(path)
    assert look(path).stubs == (f"{module}.Config",)


@pytest.mark.parametrize("what", ["os system", "posix system", "__builtin__ eval", "nt system"])
def test_what_starts_programs_is_refused(what: str) -> None:
    module, name = what.split()
    with pytest.raises(Exception, match=f"{module.replace('__builtin__', 'builtins')}.{name}"):
        Unpickler(io.BytesIO(f"c{module}\n{name}\n.".encode())).load()


@pytest.mark.parametrize("mapped", [True, False], ids=["mapped", "read whole"])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before torch 1.6"])
def test_a_name_that_is_wrong_changes_nothing(
    mapped: bool, zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Content tells what a file is. torch goes by the end of a path, where it is given one."""
    if not mapped:
        monkeypatch.setattr(checkpoints, "_OPEN", tmp_path / "none")
    path = saved(STATE, tmp_path / "w.safetensors", _use_new_zipfile_serialization=zipped)
    assert_loads(path)


def test_a_file_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes its place after the check is not read."""
    path = saved(STATE, tmp_path / "w")
    check = checkpoints._check_archive

    def swap(path: Path, *rest: Any) -> None:
        check(path, *rest)
        saved(AVERAGED, tmp_path / "v").replace(path)

    monkeypatch.setattr(checkpoints, "_check_archive", swap)
    read = checkpoints.open_tensors(path, "PyTorch")
    assert_same(read("stem.weight"), STATE["stem.weight"])


def test_an_archive_that_torch_would_run_is_refused(tmp_path: Path) -> None:
    """Whatever its names are to others: torch's own reader is asked."""
    saved(STATE, tmp_path / "w")
    with zipfile.ZipFile(tmp_path / "w", "a") as archive:
        archive.writestr("w/constants.pkl", b"")
    with pytest.raises(SpecError, match="is TorchScript to torch"):
        checkpoints.look(tmp_path / "w", "PyTorch")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "takes more memory than there is"),
        (OSError(5, "Input/output error"), "cannot be read: Input/output error"),
        (ValueError("what?"), "is a PyTorch file that is broken"),
    ],
)
def test_what_went_wrong_is_told(
    error: Exception, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise error

    path = saved(STATE, tmp_path / "w")
    monkeypatch.setattr(torch, "load", fail)
    assert words in refused(path)


# -- the reader itself -------------------------------------------------------------------------

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(max_size=300),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
        | st.dictionaries(st.text(), inner, max_size=4).map(OrderedDict)
    ),
    max_leaves=20,
)


@given(PLAIN, st.integers(2, pickle.HIGHEST_PROTOCOL))
def test_plain_data_is_read_as_pickle_reads_it(data: Any, protocol: int) -> None:
    """Bytes aside, which protocol 2 keeps as a call."""
    stream = io.BytesIO(pickle.dumps([data, data, 5], protocol) + b"rest")
    assert _without_bytes(Unpickler(stream).load().data) == _without_bytes([data, data, 5])
    assert stream.read() == b"rest"


def _without_bytes(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_bytes(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return type(data)(map(_without_bytes, data))
    return "bytes" if isinstance(data, (bytes, str)) else data


@given(st.binary(max_size=200))
def test_any_bytes_make_plain_data_or_an_error(data: bytes) -> None:
    try:
        found = Unpickler(io.BytesIO(b"\x80\x02" + data)).load().data
    except Exception:
        return
    assert type(found).__module__ in ("builtins", "torch", "inceptgraph_torch.inert_values")


@pytest.mark.parametrize("keep", [dict, OrderedDict])
@pytest.mark.parametrize("key", [("a",), (("a",), 1)])
def test_a_key_that_holds_others_is_a_stub(key: Any, keep: type[dict[Any, Any]]) -> None:
    """The hash of a tuple is that of all in it, however deep: none is asked for."""
    stream = io.BytesIO(pickle.dumps(keep({"b": 1, key: 2, 3: 4}), 2))
    first, second, third = Unpickler(stream).load().data.items()
    assert (first, third) == (("b", 1), (3, 4))
    assert isinstance(second[0], Stub) and second[1] == 2


def test_keys_of_any_kind_can_be_shown(tmp_path: Path) -> None:
    """Python writes no number of 5,000 digits, and an object by all that it holds."""
    settings = Settings(inner=Settings())
    path = saved({"model": STATE, "more": {10**5000: AVERAGED}}, tmp_path / "w")
    assert "`more.<int>`" in refused(path)
    assert_loads(WeightsFile(path, key="model"))
    (made,) = Unpickler(io.BytesIO(pickle.dumps([settings], 2))).load().data
    assert isinstance(made, Stub) and "inner" in made
    assert "inner" not in str(made) and "Settings" in str(made)


class Placed(pickle.Pickler):
    """Writes text as torch writes storages: by its place."""

    place: Any

    def persistent_id(self, obj: Any) -> Any:
        return self.place if obj == "storage" else None


@pytest.mark.parametrize("place", [("kind", 0, (("a",),)), ("kind", 0, "a", ("b", (1,)))])
def test_a_storage_at_a_place_that_nests_is_refused(place: Any) -> None:
    stream = io.BytesIO()
    writer = Placed(stream, 2)
    writer.place = place
    writer.dump(["storage"])
    reader = Unpickler(io.BytesIO(stream.getvalue()))
    reader.persistent_load = lambda what: pytest.fail("it was looked up")
    with pytest.raises(pickle.UnpicklingError, match="whose place is no text"):
        reader.load()


def test_what_stands_before_the_pickle_of_an_old_file_nests_no_keys() -> None:
    for data in (5, ["a", "b"], ["a", ("b", 1)]):
        assert load(io.BytesIO(pickle.dumps(data, 2))) == data
    assert load(io.BytesIO(pickle.dumps({"sizes": {"int": 4}}, 2))) == {}
    for data in ([(("a",), 1)], (("a",),), [["a"]]):
        with pytest.raises(pickle.UnpicklingError, match="no text"):
            load(io.BytesIO(pickle.dumps(data, 2)))
