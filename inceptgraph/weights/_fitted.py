"""A file of weights that is fitted to a network: what loads, what does not, and whether it may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from inceptgraph.diagnostics import Code, Diagnostic, Label, Source, Span, SpecError, closest
from inceptgraph.types import TensorInfo
from inceptgraph.weights import _fit_report as report
from inceptgraph.weights._allowed import KINDS, Allowed
from inceptgraph.weights._contents import Contents, not_finite
from inceptgraph.weights._kin import kin
from inceptgraph.weights._match import Clash, Fit
from inceptgraph.weights._patterns import covers

__all__ = ["Fitted"]


@dataclass(frozen=True)
class Fitted:
    """The fit of weights to a network, and what of it is allowed.

    Attributes:
        name: what messages call the weights.
        fit: tensor by tensor.
        allowed: what need not fit.
        contents: the file; None for tensors that come from elsewhere.
        entries: the tensors by name, of which it is the fit.
    """

    name: str
    fit: Fit
    allowed: Allowed = field(default_factory=Allowed)
    contents: Contents | None = None
    entries: Mapping[str, TensorInfo] = field(default_factory=dict, repr=False)

    @property
    def refused(self) -> Fit:
        """The part of the fit that is an error: what is missing, unexpected, mismatched or twice
        there without permission."""
        mine, may = self.fit, self.allowed
        return Fit(
            mine.table,
            missing=[n for n in mine.missing if not _any(may.missing, n)],
            unexpected=[n for n in mine.unexpected if not _any(may.unexpected, n)],
            mismatched=[p for p in mine.mismatched if not _any(may.shape, p.slot.name)],
            clashes=mine.clashes,
        )

    @property
    def fits(self) -> bool:
        """True where all that does not fit is allowed."""
        return report.is_empty(self.refused)

    @property
    def permissions(self) -> list[str]:
        """The permissions for all that is refused, stage by stage, as ``--allow`` takes them."""
        refused = self.refused
        found = [f"missing:{report.stage(name)}" for name in refused.missing]
        found += [f"shape:{report.stage(pair.slot.name)}" for pair in refused.mismatched]
        found += [f"unexpected:{report.stage(name)}" for name in refused.unexpected]
        return list(dict.fromkeys(found))

    @property
    def verdict(self) -> str:
        """The verdict on whether it fits, in a few words."""
        if not self.fits:
            return "does not fit" if self.fit.loaded else "fits nowhere"
        allowed = self.fit.missing or self.fit.unexpected or self.fit.mismatched
        return "fits, with what you allow" if allowed else "fits"

    @cached_property
    def kin(self) -> tuple[str, ...]:
        """The shipped specs that weights fit whole which do not fit this network; none where they
        do."""
        return () if self.fits else kin(self.entries)

    @cached_property
    def not_finite(self) -> dict[str, str]:
        """The tensors that load and hold ``NaN`` or ``infinity``, by our names. Reads a file's
        numbers."""
        if self.contents is None:
            return {}
        names = {self.fit.prefix + pair.theirs: pair.slot.name for pair in self.fit.loaded}
        return {names[name]: what for name, what in not_finite(self.contents, names).items()}

    @property
    def idle(self) -> list[str]:
        """The permissions that nothing needs, as ``--allow`` takes them."""
        return [
            f"{kind}:{pattern}"
            for kind, names in self._misfits().items()
            for pattern in getattr(self.allowed, kind)
            if not _covers_any(pattern, names)
        ]

    def _misfits(self) -> dict[str, list[str]]:
        """What needs a permission, by its kind."""
        shapes = [pair.slot.name for pair in self.fit.mismatched]
        return dict(zip(KINDS, (self.fit.missing, self.fit.unexpected, shapes), strict=True))

    def _idle_lines(self) -> Iterator[str]:
        misfits = self._misfits()
        for text in self.idle:
            kind, _, pattern = text.partition(":")
            meant = [
                f"{other}:{pattern}" for other in KINDS if _covers_any(pattern, misfits[other])
            ]
            known = [*map(report.stage, misfits[kind]), *misfits[kind]]
            meant = meant or [f"{kind}:{name}" for name in closest(pattern, known)]
            hint = f"; did you mean {' or '.join(f'`{m}`' for m in meant)}?" if meant else ""
            yield f"allow: `{text}` matches nothing that does not fit{hint}"

    def lines(self) -> list[str]:
        """The fit as a person would tell it. Reads a file's numbers."""
        return [
            *(report.source(self.contents) if self.contents else ()),
            *report.lines(self.fit, self.refused),
            *self._idle_lines(),
            *(f"warning: {line}" for line in report.not_finite(self.not_finite)),
        ]

    def record(self) -> dict[str, Any]:
        """The record for a lock file: the file, the table, and what did not load from it."""
        table, found = self.fit.table, self.fit
        return {
            "file": self.contents.path.name if self.contents else self.name,
            "sha256": self.contents.sha256 if self.contents else None,
            "key": self.contents.key if self.contents else "",
            "prefix": found.prefix,
            "remap": table and {"name": table.name, "sha256": table.sha256},
            "loaded": len(found.loaded),
            "adapted": [pair.slot.name for pair in found.adapted],
            "not_loaded": [pair.slot.name for pair in found.mismatched]
            + found.missing
            + found.absent,
        }

    def require(self) -> Fitted:
        """The same, if it fits.

        Raises:
            SpecError: it does not; two names for one tensor cite both lines of the table.
        """
        refused = self.refused
        found = [_clash(clash) for clash in refused.clashes]
        if refused.missing or refused.unexpected or refused.mismatched:
            found.append(self._mismatch(refused))
        if found:
            raise SpecError(found)
        return self

    def _mismatch(self, refused: Fit) -> Diagnostic:
        kinds = Counter(p.info.dtype for p in refused.mismatched if not p.info.is_float)
        counts = {
            "missing": len(refused.missing),
            "unexpected": len(refused.unexpected),
            "of another shape": sum(pair.info.is_float for pair in refused.mismatched),
            f"of another kind ({', '.join(kinds)})": sum(kinds.values()),
        }
        told = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
        message = f"the weights in `{self.name}` do not fit: {told}"
        where = Label(Span(Source(self.name, ""), 0, 0, 0, 0))
        told_so = report.groups(self.fit, refused)
        notes = (*report.loaded(self.fit), *told_so, *self._idle_lines())
        return Diagnostic(Code.WEIGHTS_MISMATCH, message, (where,), notes, self.help)

    @property
    def help(self) -> str | None:
        """The advice on what is refused; None where a permission would not help."""
        if not self.permissions:
            return None
        if any(pair.channels for pair in self.refused.mismatched):
            return (
                "weights of other image channels load where `--adapt-input`, in Python"
                " `WeightsFile(path, adapt_input=True)`, sums or repeats them"
            )
        if self.kin:
            named = " or ".join(f"`{name}`" for name in self.kin)
            return f"these are the weights of {named} as it is shipped: name that spec"
        if not self.fit.loaded:
            return (
                "nothing fits: are these weights of another network?"
                " If the names alone differ, write a remap table (docs/weights.md)"
            )
        options = self.permissions
        told = " ".join(f"--allow '{option}'" for option in options[:3])
        more = ", and so on for the rest" if options[3:] else ""
        return f"if that is as it should be, say {told}{more}"


def _covers_any(pattern: str, names: Iterable[str]) -> bool:
    return any(covers(pattern, name) for name in names)


def _any(patterns: Iterable[str], name: str) -> bool:
    return any(covers(pattern, name) for pattern in patterns)


def _clash(clash: Clash) -> Diagnostic:
    message = f"two names become `{clash.ours}`: `{clash.first}` and `{clash.second}`"
    pairs = zip((clash.second, clash.first), reversed(clash.lines), strict=True)
    labels = tuple(Label(line.span, f"`{name}`") for name, line in pairs if line is not None)
    help = "a line for the special case before the general one tells them apart"
    return Diagnostic(Code.BAD_REMAP, message, labels, help=help)
