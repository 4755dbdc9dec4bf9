"""The training loop.

One object holds what a training is made of, and a method each says what is done with it: ``run``
goes through the steps, ``_step`` makes one, ``_record`` tells of them, ``_validate`` measures and
``_save`` keeps. All processes call all of them; the first one writes and tells.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from inceptgraph.report import counted
from inceptgraph.training import Job, LossRules, Outcome, Recipe, Report, factor_at
from inceptgraph_train.averaging import averaged
from inceptgraph_train.checkpoints import Checkpoints, Learned, Saved
from inceptgraph_train.drawing import Batches, Drawing, begin_step, collated, mixed
from inceptgraph_train.loading import Broken, loader
from inceptgraph_train.losses import Losses
from inceptgraph_train.meter import Means, Meter
from inceptgraph_train.networks import trained_network
from inceptgraph_train.optimizers import freeze, make_optimizer
from inceptgraph_train.processes import Processes, told_to_stop
from inceptgraph_train.refusals import check_batch, diverged, unreadable
from inceptgraph_train.run_directory import RunDirectory

__all__ = ["Training"]


class Training:
    """A training, from its first step or from a checkpoint to its last step.

    Args:
        job: what is asked for.
        recipe: how it is trained.
        data: a map-style dataset of (input, label).
        validation: another one, or None.
        run: its directory.
        processes: this process among those that train.
        tell: is told how far it is.

    Raises:
        SpecError: the recipe does not go with the network, the data or the processes.
    """

    def __init__(
        self,
        job: Job,
        recipe: Recipe,
        data: Any,
        validation: Any,
        run: RunDirectory,
        processes: Processes,
        tell: Callable[[Report], None],
    ) -> None:
        self.job, self.recipe, self.run_directory, self.processes = job, recipe, run, processes
        self.data, self.validation = data, validation
        self.told_by_all = tell
        self.tell = tell if processes.first else lambda report: None
        check_batch(recipe, len(data), processes)
        self.in_epoch = len(data) // recipe.batch
        self.steps = recipe.length.steps(self.in_epoch)
        self.factor = factor_at(recipe.schedule, self.steps, self.in_epoch)
        self.losses = Losses(job.graph, recipe.loss)
        self.meter = Meter(self.losses, processes)
        self.classes = job.graph.shape(job.graph.outputs[0].node)[0]

        device = processes.device
        self.dtype = torch.float64 if recipe.precision == "float64" else torch.float32
        self.model = trained_network(job, recipe, processes, self.tell)
        self.frozen = freeze(self.model, recipe.frozen)
        given = {pair.slot.name for pair in job.weights.fit.loaded} if job.weights else None
        self.rated = make_optimizer(self.model, recipe, job.graph, given)
        scaler = GradScaler(device.type, enabled=recipe.precision == "float16")
        average = averaged(self.model, recipe.average)
        begin = recipe.average.start if recipe.average else None
        self.averaging_from = begin.steps(self.in_epoch) if begin else 0
        self.learned = Learned(self.model, self.rated.optimizer, scaler, average)
        self.network = DistributedDataParallel(self.model) if processes.world > 1 else self.model
        self.checkpoints = Checkpoints(run.checkpoints, recipe.checkpoints.keep, processes)
        self.validated: Means = {}
        self.skipped: set[str] = set()

    # -- the loop ------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Make the steps that are left.

        Raises:
            SpecError: the loss is no number any more.
            OSError: the system cannot write what is to be kept.
        """
        start = self._restore()
        self.began, self.first = time.monotonic(), start
        self._in_training()
        every = self.recipe.checkpoints.every.steps(self.in_epoch)
        with told_to_stop() as told:
            for step, (images, labels, broken) in enumerate(self._batches(start), start + 1):
                self._tell_broken(step, broken)
                if images is None:
                    raise unreadable("too many images one after another cannot be read")
                self._step(step - 1, images, labels)
                saving = step % every == 0 or step == self.steps
                alone = told.is_set() and self.processes.world == 1
                if saving or alone or step % self.job.log_every == 0:
                    alone = self._record(step, told.is_set())
                if saving:
                    self._validate(step)
                if saving or alone:
                    self._save(step)
                if self.processes.first and (saving or step % self.in_epoch == 0):
                    self.run_directory.draw()
                if alone and step < self.steps:
                    return self._outcome(finished=False)
        return self._outcome(finished=True)

    def _step(self, step: int, images: Tensor, labels: Any) -> None:
        """One step of the optimiser: its batch, in as many parts as the recipe says."""
        recipe, parts = self.recipe, self.recipe.accumulate
        optimizer, scaler = self.learned.optimizer, self.learned.scaler
        begin_step(recipe.seed, step, self.processes.rank)
        self.rated.set_rate(self.factor(step))
        size = len(images) // parts
        for part in range(parts):
            own = slice(part * size, (part + 1) * size)
            inputs, targets = self._taken(images[own]), self._taken(_part(labels, own))
            if recipe.augment.mixup or recipe.augment.cutmix:
                inputs, targets = mixed(inputs, targets, self.classes, recipe.augment)
            last = part == parts - 1
            with nullcontext() if last else self._without_sync():
                with self._precision():
                    outputs = self.network(inputs)
                    loss, losses = self.losses(outputs, targets)
                scaler.scale(loss / parts).backward()  # type: ignore[no-untyped-call]
            self.meter.add(len(inputs), loss, losses, self.losses.correct(outputs, targets))
        if recipe.clip_norm is not None:
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip_norm)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)
        if self.learned.average is not None and step >= self.averaging_from:
            self.learned.average.update_parameters(self.model)

    def _batches(self, start: int) -> Iterator[Any]:
        recipe, own = self.recipe, self.processes
        batches = Batches(
            len(self.data), recipe.batch, recipe.seed, start, self.steps, own.rank, own.world
        )
        samples = Drawing(self.data, recipe.seed)
        return iter(
            DataLoader(
                samples,
                batch_sampler=batches,
                collate_fn=collated,
                num_workers=self.job.workers,
                pin_memory=own.device.type == "cuda",
            )
        )

    def _in_training(self) -> None:
        self.network.train()
        for part in self.frozen:
            part.eval()

    def _taken(self, values: Any) -> Any:
        """Inputs or targets on the device, floating-point ones in the type of the weights."""
        if isinstance(values, Mapping):
            return {name: self._taken(each) for name, each in values.items()}
        dtype = self.dtype if values.is_floating_point() else None
        return values.to(self.processes.device, dtype, non_blocking=True)

    def _without_sync(self) -> Any:
        network = self.network
        return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()

    def _precision(self) -> torch.autocast:
        lower = self.recipe.precision in ("bfloat16", "float16")
        dtype = getattr(torch, self.recipe.precision) if lower else torch.bfloat16
        return torch.autocast(self.processes.device.type, dtype, enabled=lower)

    # -- what is told --------------------------------------------------------------------------

    def _record(self, step: int, told: bool) -> bool:
        """Write and tell the means since the last time; whether any process was told to stop."""
        means, rate, told = self.meter.read(told)
        if not math.isfinite(means["loss"]):
            raise diverged(step, f"the loss is {means['loss']}", means["losses"])
        lr = self.rated.rates[0] * self.factor(step - 1)
        self._write(step, {"lr": lr, **means, "images_per_second": rate})
        left = (time.monotonic() - self.began) / (step - self.first) * (self.steps - step)
        self._tell(step, **means, rate=rate, seconds_left=left)
        return told

    def _tell_broken(self, step: int, broken: Sequence[Broken]) -> None:
        """Name images that could not be read, and count them; or end with the first."""
        for each in broken:
            if self.recipe.broken_images == "refuse":
                raise each.refusal("say `--with broken_images=skip`")
            self.skipped.add(each.name)
            told = f"skipped, as number {len(self.skipped)}: {each.told}"
            self.told_by_all(Report(message=told))  # each process has its own

    def _write(self, step: int, what: Mapping[str, Any]) -> None:
        if self.processes.first:
            self.run_directory.add({"step": step, "epoch": step / self.in_epoch, **what})

    def _tell(self, step: int, **what: Any) -> None:
        epoch = step / self.in_epoch
        self.tell(Report(step=step, steps=self.steps, epoch=epoch, **what))

    @torch.no_grad()
    def _validate(self, step: int) -> None:
        """Measure the network, by its averaged weights if it has such, on each process's part."""
        if self.validation is None:
            return
        network, own = self._evaluated().eval(), self.processes
        part = range(own.rank, len(self.validation), own.world)
        losses = Losses(self.job.graph, LossRules())
        meter = Meter(losses, own)
        size, workers = self.recipe.batch // own.world, self.job.workers
        batches = loader(self.validation, sampler=part, batch_size=size, num_workers=workers)
        for images, labels, _, broken in batches:
            self._tell_broken(step, broken)
            if images is None:
                continue
            targets = self._taken(labels)
            with self._precision():
                outputs = network(self._taken(images))
                loss, each = losses(outputs, targets)
            meter.add(len(images), loss, each, losses.correct(outputs, targets))
        means, _, _ = meter.read()
        if not means:
            raise unreadable("none of the samples to validate with can be read")
        if not math.isfinite(means["loss"]):
            told = f"in validation the loss is {means['loss']}: this step is not taken for the best"
            self._tell(step, message=told)
        self.validated = {"loss": means["loss"], "top1": means["top1"]}
        self._write(step, {"validation": means})
        self._tell(step, validation=means)
        self._in_training()

    # -- what is kept --------------------------------------------------------------------------

    def _evaluated(self) -> nn.Module:
        average = self.learned.average
        return average.module if average is not None and average.n_averaged > 0 else self.model

    def _save(self, step: int) -> None:
        """Write a checkpoint, and as the run's weights those of the best."""
        if wrong := self.learned.not_finite(self.processes):
            raise diverged(step, f"`{wrong[0]}` is no number", {})
        saved = Saved(step, self.processes.world, **self.validated)
        self.checkpoints.save(self.learned, saved)
        self.validated = {}
        self._write_weights()

    def _write_weights(self) -> None:
        """Make the newest checkpoint's weights the run's, unless an older one is better."""
        if self.processes.first and self.checkpoints.best() in (self.checkpoints.newest(), None):
            self.run_directory.write_weights(self._evaluated())

    def _restore(self) -> int:
        """The steps that were made, going on from the newest checkpoint where there is one."""
        saved = self.checkpoints.restore(self.learned) if self.job.resume else None
        if self.processes.first:
            self.run_directory.forget_after(saved.step if saved else 0)
        self.processes.wait()
        if saved is None:
            return 0
        self._write_weights()  # in case that it was killed before it did
        told, world = f"going on from step {saved.step}", self.processes.world
        if saved.world != world:
            told += f" with {counted(world, 'process')}; it was made by {saved.world}"
        self._tell(saved.step, message=told)
        return saved.step

    def _outcome(self, *, finished: bool) -> Outcome:
        kept, newest, best = self.checkpoints.all(), self.checkpoints.newest(), None
        assert newest is not None
        if (place := self.checkpoints.best()) is not None:
            best = kept[place].top1
        return Outcome(finished, newest, best)


def _part(labels: Any, own: slice) -> Any:
    if isinstance(labels, Mapping):
        return {name: each[own] for name, each in labels.items()}
    return labels[own]
