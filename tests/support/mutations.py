"""Changes to the tree of a spec that a hostile mind would make, and numbered cases of them.

A case is known by a seed and its number alone, so that one that fails can be had again.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

import yaml
from damage import damage
from places import DOCS, MISTAKES, SPECS

from inceptgraph.ops import LOSSES
from inceptgraph.spec import Kind, shipped

__all__ = ["LONGEST", "Case", "case"]

LONGEST = 100_000
"""Characters of a text: what is longer may take longer."""

Tree = dict[str, Any]
Change = Callable[[Tree, random.Random], None]


class Case(NamedTuple):
    """What one case reads.

    Attributes:
        text: of the spec.
        base: of ``base.yaml`` in the same folder, which the spec may extend or include.
    """

    text: str
    base: str


class Corpus(NamedTuple):
    """What cases begin with.

    Attributes:
        texts: of good specs, of mistakes and of the documentation.
        weights: how often each text is taken: short ones more often.
        good: specs without mistakes, as JSON.
        trees: those of the texts that are mappings.
        shares: how often each good spec is taken.
    """

    texts: tuple[str, ...]
    weights: tuple[float, ...]
    good: tuple[str, ...]
    shares: tuple[float, ...]
    trees: tuple[Tree, ...]


@cache
def corpus() -> Corpus:
    """The corpus, read once."""
    head = "name: Example\ninput: {channels: 3, height: 32, width: 32}\n"
    page = (DOCS / "language.md").read_text(encoding="utf-8")
    found = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    good = [text if "name:" in text else head + text for text in found]
    good += [path.read_text(encoding="utf-8") for path in sorted(SPECS.rglob("*.yaml"))]
    texts = [path.read_text(encoding="utf-8") for path in sorted(MISTAKES.glob("*.yaml"))]
    texts = [text for text in [*good, *texts] if len(text) < LONGEST // 4]
    trees = []
    for text in texts:
        with suppress(yaml.YAMLError, ValueError, TypeError):
            tree = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            whole = json.dumps(tree)  # with every alias in full
            trees += [tree] if isinstance(tree, dict) and len(whole) < LONGEST // 4 else []
    as_json = [json.dumps(tree) for tree in trees[: len(good)]]
    rare = [tuple(1 / (300 + len(text)) for text in each) for each in (texts, as_json)]
    return Corpus(tuple(texts), rare[0], tuple(as_json), rare[1], tuple(trees))


def case(seed: int, number: int) -> Case:
    """One case: a text, or the tree of one with changes, or both; with another to extend."""
    rng = random.Random(f"{seed}/{number}")
    known = corpus()
    (text,) = rng.choices(known.texts, known.weights)
    base = rng.choices(known.texts, known.weights)[0] if rng.random() < 0.3 else ""
    slips = rng.choice([0, 0, 1, 4])
    if rng.random() < 0.8:
        text = changed(rng)
    else:
        slips += 1
    if base and rng.random() < 0.5:
        base = changed(rng)
    if slips:
        text = damage(text, rng, slips)
    if rng.random() < 0.02:
        text = _laughs(rng) + text
    return Case(text[:LONGEST], base[:LONGEST])


def changed(rng: random.Random) -> str:
    """A good spec after some changes, as JSON, which is YAML, or laid out as YAML."""
    (text,) = rng.choices(corpus().good, corpus().shares)
    for _ in range(rng.choice([1, 1, 2, 5])):
        tree = json.loads(text)
        rng.choice(CHANGES)(tree, rng)
        after = json.dumps(tree)
        text = after if len(after) <= LONGEST else text
    if len(text) > 5_000 or rng.random() < 0.7:
        return text
    return yaml.safe_dump(json.loads(text), sort_keys=False)


def _laughs(rng: random.Random) -> str:
    """Anchors that double: bounded before anything grows."""
    lines = ["description:", "  - &a0 [x, x]"]
    lines += [f"  - &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, rng.choice([3, 20, 60]))]
    return "\n".join(lines) + "\n"


# -- places in a tree ------------------------------------------------------------------------


def _holders(tree: Any, wanted: Callable[[Any], bool]) -> list[tuple[Any, Any]]:
    """Each mapping or list with a key or place in it whose value is wanted."""
    found, stack = [], [tree]
    while stack:
        node = stack.pop()
        if not isinstance(node, dict | list):
            continue
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            if wanted(value):
                found.append((node, key))
            stack.append(value)
    return found


def _place(tree: Tree, rng: random.Random, wanted: Callable[[Any], bool]) -> tuple[Any, Any]:
    """One of those; a key of the tree itself where there is none."""
    return rng.choice(_holders(tree, wanted) or [(tree, rng.choice(TOP))])


def _is_step(value: Any) -> bool:
    return isinstance(value, dict) and bool({"op", "steps", "branches"} & value.keys())


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _section(tree: Tree, name: str) -> Tree:
    """A section as a mapping, made where there is none."""
    if not isinstance(tree.get(name), dict):
        tree[name] = {}
    found: Tree = tree[name]
    return found


def _names(tree: Tree) -> list[str]:
    """Names that a step, a block or a parameter may have."""
    sections = (tree.get(key) for key in ("stages", "blocks", "params", "aux_heads"))
    found = [str(key) for part in sections if isinstance(part, dict) for key in part]
    return [*found, "input", "a", "conv1", "x"]


TOP = ["name", "input", "inputs", "params", "defaults", "blocks", "stages", "outputs", "aux_heads"]
TOP += ["sections", "expect", "extends", "include", "edit", "inflate", "description", "source"]


# -- changes ---------------------------------------------------------------------------------


def _splice(tree: Tree, rng: random.Random) -> None:
    """A part of another spec in the place of one of this, or beside it."""
    node, key = _place(tree, rng, lambda value: True)
    other, where = _place(rng.choice(corpus().trees), rng, lambda value: True)
    part = deepcopy(other.get(where) if isinstance(other, dict) else other[where])
    if isinstance(node, dict) and rng.random() < 0.5:
        node[str(where)] = part
    else:
        node[key] = part


def _number(rng: random.Random) -> Any:
    """A number that nobody means, plain or in an expression."""
    digits: int = rng.choice([1, 3, 9, 15, 16, 17, 19, 40, 300, 309, 400, 4001])
    whole = int(rng.choice("123456789") + rng.choice("059") * (digits - 1)) if digits < 4000 else 0
    sign = rng.choice(["", "", "-", "+", "- -"])
    power = 10 ** rng.choice([1, 2, 3, 8]) - 1
    exponent = rng.choice(["", "", "e9", "e-9", "e308", "e-308", f"e{power}", f"e-{power}", "."])
    text = f"{sign}{rng.choice(['0', '9', '1.5', str(whole), '9' * digits])}{exponent}"
    name = rng.choice(["$x", "$width", "$n", "$out", "$classes"])
    forms = [text, f"{name} * {text}", f"{text} // {name}", f"min({name}, {text})", f"-{name}"]
    forms += [f"({name} * {name} * {name} * {name}) / {text}", f"{name} % {text}", f"{name} {text}"]
    forms += ["(" * rng.choice([2, 70, 150]) + name, f"round({text} * {name} / 3)", f"{name}{text}"]
    forms += ["*".join([name] * rng.choice([5, 50])), "+".join([f"{name} / 7"] * 20)]
    value: Any = rng.choice(forms)
    return rng.choice([value, value, whole, -whole, 1e308, -1.5, 2**53 + 1, 0.1, 0])


def _huge(tree: Tree, rng: random.Random) -> None:
    node, key = _place(tree, rng, _is_scalar)
    node[key] = _number(rng)
    if rng.random() < 0.5:
        params = _section(tree, "params")
        params[rng.choice(["x", "width", "n"])] = rng.choice([_number(rng), 3, 0.33, "int", 10**15])


def _repeat(tree: Tree, rng: random.Random) -> None:
    """Copies of a step, and copies of copies."""
    node, key = _place(tree, rng, _is_step)
    counts = [0, 1, 2, 3, 7, 70, -1, 10**6, 10**9, "$x", "$n * 70", 2.0, True, None, []]
    if isinstance(node, dict):
        for _ in range(rng.choice([1, 1, 2, 3])):
            step = node.get(key)
            own = step if isinstance(step, dict) else {"op": "relu"}
            if "repeat" in own:
                own = {"steps": {"inner": own}}
            node[key] = {**own, "repeat": rng.choice(counts)}


def _condition(tree: Tree, rng: random.Random) -> None:
    """A step on a condition, or a number that asks for a shape."""
    asked = rng.choice(["$in.channels", "$in.height", "$conv1.width", "$a.features", "$x.depth"])
    if rng.random() < 0.5:
        node, key = _place(tree, rng, _is_scalar)
        node[key] = rng.choice([asked, f"{asked} * {asked}", f"{asked} // 2", f"$n * {asked}"])
        return
    node, key = _place(tree, rng, _is_step)
    if isinstance(node, dict):
        step = node.get(key)
        own = step if isinstance(step, dict) else {"op": "relu"}
        forms = [True, False, 1, "$x", f"{asked} > 3", f"not {asked} == 3 and $x", "and" * 60]
        node[key] = {**own, "when": rng.choice(forms)}


def _nest(tree: Tree, rng: random.Random) -> None:
    """A step inside bodies inside bodies."""
    node, key = _place(tree, rng, _is_step)
    step = node.get(key) if isinstance(node, dict) else node[key]
    step = deepcopy(step) if step is not None else {"op": "relu"}
    repeat = rng.choice([None, None, 2, 0])
    for _ in range(rng.choice([1, 2, 5, 20, 33, 70])):
        if rng.random() < 0.7:
            step = {"steps": {"a": step}}
        else:
            step = {"branches": {"a": step, "b": {}}, "merge": rng.choice(["add", "concat"])}
        if repeat is not None:
            step["repeat"] = repeat
    node[key] = step


def _blocks(tree: Tree, rng: random.Random) -> None:
    """Blocks that each use the one before several times, with arguments or without."""
    levels, times = rng.choice([2, 5, 12, 25, 40, 70]), rng.choice([1, 1, 2, 2, 3])
    blocks = _section(tree, "blocks")
    given = rng.choice([{}, {"n": "$n"}, {"n": "$n + 1"}, {"n": "$n * 2"}, {"n": "$n // 2"}])
    takes = {"params": {"n": rng.choice(["int", "int = 3", "any", 2])}} if given else {}
    bottom = rng.choice(["relu", "conv2d", "nothing", "$act", "level0", f"level{levels - 1}"])
    blocks["level0"] = {**takes, "steps": {"s": {"op": bottom}}}
    for level in range(1, levels):
        use = {"op": f"level{level - 1}", **given}
        if rng.random() < 0.1:
            use["repeat"] = rng.choice([0, 2, 3, "$n"])
        uses = {f"s{i}": dict(use) for i in range(times)}
        forked = rng.random() < 0.3
        body = {"branches": uses, "merge": "add"} if forked else {"steps": uses}
        blocks[f"level{level}"] = {**takes, **body}
    top = {"op": f"level{levels - 1}", **({"n": 1} if given else {})}
    _section(tree, "stages")[rng.choice(["deep", "a", "conv1"])] = top


def _lists(tree: Tree, rng: random.Random) -> None:
    """A list that is deep, or long, in place of a value."""
    node, key = _place(tree, rng, _is_scalar)
    value: Any = node.get(key) if isinstance(node, dict) else node[key]
    if rng.random() < 0.5:
        for _ in range(rng.choice([1, 2, 10, 61, 70])):
            value = [value] if rng.random() < 0.8 else {"a": value}
        node[key] = value
    else:
        node[key] = [value] * rng.choice([0, 1, 2, 3, 61, 900, 5000])


def _many(tree: Tree, rng: random.Random) -> None:
    """A step again and again, each reading some other."""
    stages = _section(tree, "stages")
    step = next(iter(stages.values()), None)
    step = dict(step) if isinstance(step, dict) else {"op": "relu"}
    reads = [["input", "a"], "a", "m0", [f"m{i}" for i in range(50)], None, "deep.s0", "a.*"]
    for i in range(rng.choice([2, 10, 100, 500])):
        source = rng.choice(reads) if rng.random() < 0.3 else None
        stages[f"m{i}"] = {**step, **({"from": source} if source else {})}


def _edit(tree: Tree, rng: random.Random) -> None:
    """A variant of another spec, and edits of what it may have."""
    names = _names(tree)
    tree.setdefault("extends", rng.choice(["base.yaml", *shipped(), "nothing", "base.yaml"]))
    if rng.random() < 0.8:
        tree.pop("stages", None)
    edits = _section(tree, "edit")
    steps = [v.get(k) if isinstance(v, dict) else v[k] for v, k in _holders(tree, _is_step)]
    for _ in range(rng.choice([1, 2, 5])):
        step = deepcopy(rng.choice([*steps, {"op": "relu"}, {}, {"a": {"op": "relu"}}, None]))
        new = {rng.choice(["n", "n_*", "n_*_*", rng.choice(names)]): step}
        change = {"set": {"out": _number(rng)}, "replace": step, "before": new, "after": new}
        kinds = rng.choices([*change], k=rng.choice([1, 1, 2]))
        path = [*names, "*", "inception_*", "norm*", "blocks.*", "blocks.*.*", "*.*", "aux*", "a.0"]
        path += [f"blocks.{rng.choice(names)}.{rng.choice(names)}", f"{rng.choice(names)}*"]
        edits[rng.choice(path)] = rng.choice(["remove", *[{k: change[k] for k in kinds}] * 3, step])


def _inflate(tree: Tree, rng: random.Random) -> None:
    """Videos of what may be images, and windows with a list of three."""
    frames = [1, 2, 16, 64, "free", "free = 8", "$n", "$in.height", _number(rng), None, []]
    said = {"frames": rng.choice(frames), "kernel": rng.choice([1, 3, "$x", [3, 3], _number(rng)])}
    tree["inflate"] = {key: said[key] for key in rng.choice([["frames"], [*said], ["kernel"]])}
    node, key = _place(tree, rng, _is_step)
    step = node.get(key) if isinstance(node, dict) else node[key]
    if isinstance(step, dict) and rng.random() < 0.5:
        sizes = [[1, 3, 3], [3, 1, 1], [2, 7, 7], [1, 7], [3] * 4, [0, 1, 1]]
        step[rng.choice(["kernel", "stride", "padding", "dilation", "size"])] = rng.choice(sizes)


def _include(tree: Tree, rng: random.Random) -> None:
    libraries = [*shipped(Kind.LIBRARY), "base.yaml", "googlenet", "nothing", "spec.yaml"]
    several = rng.choices(libraries, k=rng.choice([1, 2, 20]))
    tree["include"] = rng.choice([several[0], several])
    if rng.random() < 0.3:
        tree.pop("stages", None)


def _sections(tree: Tree, rng: random.Random) -> None:
    names = _names(tree)
    ends = [rng.choice(names), f"{rng.choice(names)} .. {rng.choice(names)}", "..", "a .. b .. c"]
    _section(tree, "sections")[rng.choice(names)] = rng.choice([*ends, _number(rng), None])
    if rng.random() < 0.5:
        head = {"op": rng.choice([*names, "relu"]), "from": rng.choice(names)}
        _section(tree, "aux_heads")[rng.choice(names)] = {**head, "loss_weight": _number(rng)}
    if rng.random() < 0.3:
        loss = rng.choice([*LOSSES, "$a", "nothing", _number(rng), None])
        result = {"from": rng.choice(names), "loss": loss, "loss_weight": _number(rng)}
        _section(tree, "outputs")[rng.choice(names)] = result
    if rng.random() < 0.5:
        key = rng.choice(["params", "macs", "depth", "shapes"])
        _section(tree, "expect")[key] = rng.choice([_number(rng), {"a": [1, _number(rng)]}])


def _move(tree: Tree, rng: random.Random) -> None:
    """A part taken out, or given another name, or moved to the end."""
    node, key = _place(tree, rng, lambda value: True)
    if isinstance(node, list):
        del node[key]
    elif key in node:
        value = node.pop(key)
        if rng.random() < 0.7:
            node[rng.choice([key, rng.choice(_names(tree)), rng.choice(TOP)])] = value


CHANGES: tuple[Change, ...] = (
    *(_splice, _splice, _splice, _huge, _huge, _huge, _repeat, _repeat, _nest, _blocks, _lists),
    *(_many, _edit, _edit, _inflate, _include, _sections, _move),
)
