"""The training run, top to bottom.

Pictures become latents, the network is laid on the base, and each step asks: which noise was added
to these latents, given these captions? What is wished meanwhile is granted between two steps.
"""

from __future__ import annotations

import itertools
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dataprep import files
from dataprep.errors import DataprepError
from dataprep.jobs import Job, Progress
from train import (
    data,
    keeping,
    laying,
    loss,
    models,
    networks,
    noise,
    optim,
    plan,
    previews,
    schedule,
    state,
    text,
    trackers,
    usage,
)
from train.batch import Batch, Place, assemble
from train.config import TrainConfig
from train.control import Control, Hands, attend
from train.networks import rates
from train.networks.network import attached
from train.pace import Pace
from train.pictures import views
from train.shelf import Shelf
from train.state import At

log = logging.getLogger("train")


def train(
    config: TrainConfig,
    stop: Callable[[], bool] = lambda: False,
    started_at: float | None = None,
    *,
    control: Control | None = None,
    samples: Path | None = None,
    logs: Path | None = None,
) -> Job[dict[str, Any]]:
    """Train one network; yields progress in every phase and returns the report.

    ``stop`` is asked after each step: when it says yes, what is learned so far is saved.
    ``started_at`` (seconds since 1970) goes into the file; given, equal runs give equal bytes.
    ``control`` brings wishes from outside; ``samples`` is where pictures drawn on the way go, and
    ``logs`` where TensorBoard's files go unless the config says.
    """
    started_at = time.time() if started_at is None else started_at
    control = control or Control(stop=stop)
    seconds: dict[str, float] = {}
    clock = time.perf_counter()

    # What there is to learn from, and where it was left

    dataset = data.scan(config)
    device = models.pick_device(config.device)
    dtype = models.pick_dtype(config.mixed_precision, device)
    source = models.source_of(config)
    about = laying.foresee(config, source)
    left = None if config.resume is None else state.load(config.resume)
    if left is not None:
        laying.check_left(left, config, dataset)
    config.output_dir.mkdir(parents=True, exist_ok=True)
    files.sweep(config.output_dir)
    keeping.sweep(config.output_dir)
    log.info("training on %s, %s", device, dtype)

    yield Progress(0, None, "loading the VAE", stage="loading")
    vae = models.load_vae(source, device, _vae_dtype(config))
    clock = _lap(seconds, "loading", clock)
    scaling_factor = float(vae.config.scaling_factor)
    latents, bad = yield from views.prepare(
        config, vae, dataset.items, _cache_folder(config), control.stopping
    )
    del vae
    clock = _lap(seconds, "latents", clock)
    if control.stopping():
        return {"lora": None, "epochs": [], "steps": 0, "stopped": True, "issues": []}

    lost = {issue.file for issue in bad if issue.fatal}
    items = tuple(item for item in dataset.items if item.name not in lost)
    dataset = replace(dataset, items=items, issues=(*dataset.issues, *bad))
    if all(item.is_reg for item in items):
        raise DataprepError("no picture could be encoded", f"{bad[0].file}: {bad[0].reason}")
    for issue in dataset.issues:
        log.warning("%s: %s", issue.file, issue.reason)

    yield Progress(0, None, "loading UNet and text encoder", stage="loading")
    base = models.load(source, device, dtype, about)
    rules = text.rules_of(config, base.family)
    _warn_of_cut_captions(base, rules, items)

    # The network and what moves it

    network, targets = laying.lay(config, base)
    if config.gradient_checkpointing:
        laying.save_memory(base)
    optimizer = optim.create(config, rates.groups(config, network, targets))
    # fp16 gradients underflow unless the loss is scaled up
    scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
    the_plan = plan.of(config, dataset)
    at = At(0, 1, 0)
    if left is not None:
        at = laying.pick_up(left, config, items, network, optimizer, scaler)
    shelf = Shelf(
        config,
        base,
        targets,
        network,
        optimizer,
        scaler,
        dataset,
        the_plan,
        started_at,
        control.say,
        keeping.written_before(config, at.epoch, at.step),
    )
    easel = previews.Easel(
        config,
        base,
        dtype,
        samples or config.output_dir / "sample",
        previews.prompts(config, items),
        control.say,
        control.stopping,
    )
    step, epoch, losses = at.step, at.epoch, list(at.losses)

    def here() -> At:
        return At(step, epoch, done, tuple(losses))

    def paint(now: Progress) -> Iterator[Progress]:
        with laying.resting(network, optimizer):
            yield from easel.paint(now)

    hands = Hands(lambda: shelf.when_wished(here()), paint)
    told = trackers.open_trackers(config, logs, started_at)

    # The loop

    clock = _lap(seconds, "loading", clock)
    epochs: list[dict[str, Any]] = []
    done = at.batch
    with attached(network, targets), models.explained_memory():
        network.train()
        control.sample |= previews.due(config, step, the_plan.steps_per_epoch)
        yield from attend(control, hands, Progress(step, the_plan.steps, stage="training"))
        pace = Pace()
        stopped = control.stopping()
        for epoch in itertools.count(at.epoch):
            batches = data.epoch(config, items, epoch)
            done = at.batch if epoch == at.epoch else 0
            while done < len(batches) and step < the_plan.steps and not stopped:
                uses = batches[done : done + config.gradient_accumulation_steps]
                if step == config.stop_text_encoder_training:
                    optim.freeze(optimizer, "text_encoder")
                    log.info("the text encoder learns no more")
                network.begin_step(config.seed, step)
                place = Place(epoch, step, the_plan.steps)
                value = learn(config, base, latents, uses, place, rules, scaler, scaling_factor)
                _check_finite(value, step + 1, uses, shelf.last)
                optim.set_lr(optimizer, schedule.factor(config, step, the_plan.steps))
                if optim.has_gradients(optimizer):
                    if config.max_grad_norm:
                        scaler.unscale_(optimizer)
                        nn.utils.clip_grad_norm_(network.parameters(), config.max_grad_norm)
                    scaler.step(optimizer)
                    scaler.update()
                optimizer.zero_grad(set_to_none=True)
                if config.scale_weight_norms is not None:
                    networks.shorten(network, config.scale_weight_norms)

                step += 1
                done += len(uses)
                losses.append(value)
                pace.tick(sum(len(batch) for batch in uses))
                rate = optim.rates(optimizer)
                average = _mean(losses[-the_plan.steps_per_epoch :]) or value
                trackers.tell(told, step, {"loss/current": value, "loss/average": average, **rate})
                now = Progress(
                    step,
                    the_plan.steps,
                    f"epoch {epoch} of {the_plan.epochs}",
                    {
                        "loss": value,
                        "loss_average": average,
                        "lr": rate.get("lr/unet", 0.0),
                        "lr_text_encoder": rate.get("lr/textencoder", 0.0),
                        "it_per_s": pace.it_per_s,
                        "images_per_s": pace.images_per_s,
                        "time_left_s": pace.left(the_plan.steps - step),
                        "memory_mb": usage.peak_mb(device),
                        "epoch": epoch,
                    },
                    stage="training",
                )
                yield now
                if step < the_plan.steps:
                    shelf.after_step(step, here)
                control.sample |= previews.due(config, step, the_plan.steps_per_epoch)
                between = yield from attend(control, hands, now)
                pace.skip(between)
                clock += between
                stopped = control.stopping()

            # What an epoch leaves behind

            last = step == the_plan.steps
            if stopped and not last:
                if step:
                    shelf.when_stopped(here())
                break
            path = shelf.after_epoch(here(), last=last)
            if path is not None:
                in_epoch = losses[(epoch - 1) * the_plan.steps_per_epoch :]
                epochs.append({"epoch": epoch, "lora": path, "loss": _mean(in_epoch)})
            if last:
                break
    trackers.close(told)
    _lap(seconds, "training", clock)

    edge = max(1, min(len(losses), max(10, len(losses) // 10)))
    return {
        "lora": shelf.last,
        "epochs": [entry for entry in epochs if Path(entry["lora"]).exists()],
        "steps": step,
        "images": sum(not item.is_reg for item in items),
        "loss_first": _mean(losses[:edge]),
        "loss_last": _mean(losses[-edge:]),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "device": str(device),
        "stopped": stopped and step < the_plan.steps,
        "issues": [issue.to_json() for issue in dataset.issues],
    }


def learn(
    config: TrainConfig,
    base: models.Base,
    latents: views.Views,
    uses: Sequence[Sequence[data.Use]],
    place: Place,
    rules: text.TextRules,
    scaler: torch.amp.GradScaler,
    scaling_factor: float,
) -> float:
    """Add up the gradients of the batches of one step; the mean loss of their pictures."""
    total = 0.0
    for batch_uses in uses:
        batch = assemble(
            config,
            batch_uses,
            latents,
            place,
            scaling_factor=scaling_factor,
            timesteps=len(base.alphas_cumprod),
        )
        losses = losses_of(config, base, batch, rules, place.step)
        weights = batch.weights.to(losses.device)
        judged = loss.reduce(losses, weights, config.train_batch_size, kohya=config.is_kohya)
        # without a gradient where module_dropout has left out every module
        if judged.requires_grad:
            scaler.scale(judged / config.gradient_accumulation_steps).backward()
        total += (losses.detach() * weights).sum().item()
    return total / sum(len(batch_uses) for batch_uses in uses)


def losses_of(
    config: TrainConfig,
    base: models.Base,
    batch: Batch,
    rules: text.TextRules,
    step: int,
) -> torch.Tensor:
    """How far the UNet's answer is from what was asked, (batch,)."""
    device = base.device
    clean = batch.latents.to(device)
    gaussian = batch.noise.to(device)
    timesteps = batch.timesteps.to(device)
    abar = base.alphas_cumprod[timesteps]
    noisy = noise.add_noise(clean, batch.input_noise.to(device), abar)

    last = config.stop_text_encoder_training
    text_learns = config.trains_text and (last is None or step < last)
    with models.autocast(device, base.dtype):
        with torch.set_grad_enabled(text_learns):
            conditioning = text.encode(base, batch.captions, rules)
        prediction = text.ask(base, noisy, timesteps, conditioning, batch.sizes.to(device))

    is_velocity = base.prediction_type == "v_prediction"
    target = noise.velocity(clean, gaussian, abar) if is_velocity else gaussian
    return loss.per_picture(
        config,
        prediction,
        target,
        base.alphas_cumprod,
        timesteps,
        base.prediction_type,
        None if batch.mask is None else batch.mask.to(device),
        base.unscaled_alphas if config.is_kohya else None,
    )


def _cache_folder(config: TrainConfig) -> Path:
    beside = config.train_data_dir or config.output_dir
    return beside.parent / views.FOLDER


def _vae_dtype(config: TrainConfig) -> torch.dtype:
    """bf16 is too coarse for latents that are kept; fp16 is not, where the VAE can take it."""
    half = config.mixed_precision == "fp16" and not config.no_half_vae
    return torch.float16 if half else torch.float32


def _lap(seconds: dict[str, float], name: str, since: float) -> float:
    """Add the time since ``since`` to a phase; the time now."""
    now = time.perf_counter()
    seconds[name] = seconds.get(name, 0.0) + now - since
    return now


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _check_finite(
    value: float, step: int, uses: Sequence[Sequence[data.Use]], saved: str | None
) -> None:
    if not math.isfinite(value):
        pictures = ", ".join(use.item.name for batch in uses for use in batch)
        kept = f"the last good file is {Path(saved).name}" if saved else "nothing was saved yet"
        raise DataprepError(
            f"the loss is {value} at step {step} ({pictures})",
            f'lower the learning rates, or use mixed_precision = "no"; {kept}',
        )


def _warn_of_cut_captions(
    base: models.Base, rules: text.TextRules, items: tuple[data.Item, ...]
) -> None:
    tokenizer = base.texts[0].tokenizer
    cut = [item.name for item in items if text.cut(tokenizer, item.caption, rules)]
    if cut:
        log.warning(
            "captions of %d pictures are cut at %d tokens: %s",
            len(cut),
            rules.max_token_length,
            cut[:5],
        )
