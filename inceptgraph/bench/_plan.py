"""What is to be measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from inceptgraph.backend import MODEL
from inceptgraph.engine import Setting

__all__ = ["BASELINE", "Job", "Kind", "Plan"]

BASELINE = MODEL
"""The name of the plain module, which speed-ups are over."""


class Kind(StrEnum):
    """What runs the network."""

    PLAIN = "plain"
    ENGINE = "engine"
    PEER = "peer"
    COMPILED_PEER = "compiled peer"


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to measure.

    Attributes:
        kind: what runs the network.
        name: of the engine, or the peer as ``package:name``; :data:`BASELINE` for the plain module.
        setting: how it runs.
    """

    kind: Kind
    name: str
    setting: Setting

    @property
    def label(self) -> str:
        """What tables call it."""
        return f"{self.name} (compiled)" if self.kind is Kind.COMPILED_PEER else self.name

    @property
    def is_baseline(self) -> bool:
        """Whether speed-ups are over it: the plain module in float32."""
        return self.kind is Kind.PLAIN and self.setting.dtype == "float32"

    def __str__(self) -> str:
        return f"{self.label}, batch {self.setting.batch}, {self.setting.dtype}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is to be measured, and how long.

    Attributes:
        engines: names of those that are ready.
        peers: each as ``package:name``.
        batches: samples at a time.
        dtypes: what to compute in, of :data:`inceptgraph.engine.DTYPES`.
        setting: the rest of how everything runs; its batch and dtype are not used.
        compile_peers: run the peers by Inductor with frozen weights as well.
        rounds: how many; None for as many as fit into ``seconds``.
        seconds: of timing for each batch, warm-up and preparation not counted.
        memory: measure memory and the time to a first result, each in a process of its own.
    """

    engines: Sequence[str]
    peers: Sequence[str] = ()
    batches: Sequence[int] = (1,)
    dtypes: Sequence[str] = ("float32",)
    setting: Setting = field(default_factory=Setting)
    compile_peers: bool = False
    rounds: int | None = None
    seconds: float = 20.0
    memory: bool = True

    def jobs(self, batch: int) -> Iterator[Job]:
        """What is measured side by side: the baseline first, then by dtype."""
        for dtype in dict.fromkeys(("float32", *self.dtypes)):
            setting = replace(self.setting, batch=batch, dtype=dtype)
            yield Job(Kind.PLAIN, BASELINE, setting)
            if dtype not in self.dtypes:
                continue
            yield from (Job(Kind.ENGINE, name, setting) for name in self.engines)
            for peer in self.peers:
                yield Job(Kind.PEER, peer, setting)
                if self.compile_peers:
                    yield Job(Kind.COMPILED_PEER, peer, setting)
