"""The training run, top to bottom.

Pictures become latents, the LoRA is laid on the base, and each step asks: which noise was added
to these latents, given these captions? What is wished meanwhile is granted between two steps.
"""

from __future__ import annotations

import itertools
import logging
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dataprep import files
from dataprep.errors import DataprepError
from dataprep.jobs import Job, Progress
from train import batch as batches
from train import (
    cache,
    data,
    lora_file,
    loss,
    models,
    names,
    noise,
    optim,
    plan,
    previews,
    schedule,
    text,
    usage,
)
from train.config import TrainConfig
from train.control import Control, Hands, attend
from train.networks import NETWORKS
from train.networks.lora import attached
from train.pace import Pace

log = logging.getLogger("train")


def train(
    config: TrainConfig,
    stop: Callable[[], bool] = lambda: False,
    started_at: float | None = None,
    *,
    control: Control | None = None,
    samples: Path | None = None,
) -> Job[dict[str, Any]]:
    """Train one LoRA; yields progress in every phase and returns the report.

    ``stop`` is asked after each step: when it says yes, what is learned so far is saved.
    ``started_at`` (seconds since 1970) goes into the file; given, equal runs give equal bytes.
    ``control`` brings wishes from outside; ``samples`` is where pictures drawn on the way go.
    """
    started_at = time.time() if started_at is None else started_at
    control = control or Control(stop=stop)
    seconds: dict[str, float] = {}
    clock = time.perf_counter()

    # What there is to learn from, and what to learn it with

    dataset = data.scan(config)
    device = models.pick_device(config.device)
    dtype = models.pick_dtype(config.mixed_precision, device)
    config.output_dir.mkdir(parents=True, exist_ok=True)
    files.sweep(config.output_dir)
    log.info("training on %s, %s", device, dtype)

    yield Progress(0, None, "loading the VAE", stage="loading")
    vae = models.load_vae(config.pretrained_model_name_or_path, device)
    scaling_factor = float(vae.config.scaling_factor)
    clock = _lap(seconds, "loading", clock)
    latents, bad = yield from cache.prepare(
        vae,
        dataset.items,
        config.output_dir.parent / cache.FOLDER,
        mirrored=config.flip_aug,
        keep=config.cache_latents_to_disk,
        stop=control.stopping,
    )
    del vae
    clock = _lap(seconds, "latents", clock)
    if control.stopping():
        return {"lora": None, "epochs": [], "steps": 0, "stopped": True, "issues": []}

    lost = {issue.file for issue in bad}
    items = tuple(item for item in dataset.items if item.name not in lost)
    dataset = replace(dataset, items=items, issues=(*dataset.issues, *bad))
    if not items:
        raise DataprepError("no picture could be encoded", f"{bad[0].file}: {bad[0].reason}")
    for issue in dataset.issues:
        log.warning("%s: %s", issue.file, issue.reason)

    yield Progress(0, None, "loading UNet and text encoder", stage="loading")
    base = models.load(config.pretrained_model_name_or_path, device, dtype)
    _warn_of_cut_captions(base.tokenizer, items)

    # The LoRA and what moves it

    targets: dict[str, nn.Module] = {}
    if config.unet_lr:
        targets |= names.unet_targets(base.unet)
    if config.text_encoder_lr:
        targets |= names.text_encoder_targets(base.text_encoder)
    network = NETWORKS["lora"](targets, config.network_dim, config.network_alpha, config.seed)
    network.to(device)
    optimizer = optim.OPTIMIZERS[config.optimizer_type](
        [
            optim.group("unet", network.part("lora_unet"), config.unet_lr),
            optim.group("text_encoder", network.part("lora_te"), config.text_encoder_lr),
        ],
        config.weight_decay,
    )
    # fp16 gradients underflow unless the loss is scaled up
    scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
    the_plan = plan.of(config, dataset)
    log.info(
        "%d modules, %d parameters; lr × alpha/dim: UNet %.2e, text encoder %.2e",
        len(network),
        sum(parameter.numel() for parameter in network.parameters()),
        config.unet_lr * config.scale,
        config.text_encoder_lr * config.scale,
    )

    step = epoch = 0
    saved: str | None = None

    def save(file_name: str, epoch: int, step: int) -> str:
        path = config.output_dir / f"{file_name}.safetensors"
        about = lora_file.metadata(
            config,
            dataset,
            the_plan,
            epoch=epoch,
            step=step,
            started_at=started_at,
            prediction_type=base.prediction_type,
        )
        lora_file.save(path, network.state_dict(), about, config.save_precision)
        control.say({"event": "saved", "step": step, "epoch": epoch, "path": str(path)})
        return str(path)

    def save_now() -> None:
        nonlocal saved
        saved = save(f"{config.output_name}-step{step:08d}", epoch, step)
        log.info("saved %s", saved)

    easel = previews.Easel(
        config,
        base,
        dtype,
        samples or config.output_dir / "sample",
        previews.prompts(config, items),
        control.say,
        control.stopping,
    )
    hands = Hands(save_now, easel.paint)

    # The loop

    clock = _lap(seconds, "loading", clock)
    losses: list[float] = []
    epochs: list[dict[str, Any]] = []
    with attached(network, targets), models.explained_memory():
        control.sample |= previews.due(config, step, the_plan.steps_per_epoch)
        yield from attend(control, hands, Progress(0, the_plan.steps, stage="training"))
        pace = Pace()
        stopped = control.stopping()
        for epoch in itertools.count(1):
            for uses in data.epoch(config, items, epoch):
                if stopped or step == the_plan.steps:
                    break
                batch = batches.assemble(
                    config,
                    uses,
                    latents,
                    epoch=epoch,
                    step=step,
                    timesteps=len(base.alphas_cumprod),
                )
                batch_loss = batch_loss_of(config, base, batch, scaling_factor, dtype)
                scaler.scale(batch_loss).backward()
                value = batch_loss.item()
                _check_finite(value, step + 1, batch.names, saved)
                if config.max_grad_norm:
                    scaler.unscale_(optimizer)
                    nn.utils.clip_grad_norm_(network.parameters(), config.max_grad_norm)
                factor = schedule.factor(
                    config.lr_scheduler, step, the_plan.steps, int(config.lr_warmup_steps)
                )
                optim.set_lr(optimizer, factor)
                scaler.step(optimizer)
                scaler.update()
                optimizer.zero_grad(set_to_none=True)

                step += 1
                losses.append(value)
                pace.tick(len(uses))
                now = Progress(
                    step,
                    the_plan.steps,
                    f"epoch {epoch} of {the_plan.epochs}",
                    {
                        "loss": value,
                        "loss_average": _mean(losses[-the_plan.steps_per_epoch :]),
                        "lr": config.unet_lr * factor,
                        "lr_text_encoder": config.text_encoder_lr * factor,
                        "it_per_s": pace.it_per_s,
                        "images_per_s": pace.images_per_s,
                        "time_left_s": pace.left(the_plan.steps - step),
                        "memory_mb": usage.peak_mb(device),
                        "epoch": epoch,
                    },
                    stage="training",
                )
                yield now
                control.sample |= previews.due(config, step, the_plan.steps_per_epoch)
                between = yield from attend(control, hands, now)
                pace.skip(between)
                clock += between
                stopped = control.stopping()

            # What an epoch leaves behind

            last = step == the_plan.steps
            in_epoch = losses[(epoch - 1) * the_plan.steps_per_epoch :]
            if stopped and not last:
                if step:
                    saved = save(f"{config.output_name}-step{step:08d}", epoch, step)
                    log.info("stopped after step %d; saved %s", step, saved)
                break
            if last or epoch % config.save_every_n_epochs == 0:
                number = "" if last else f"-{epoch:06d}"
                saved = save(f"{config.output_name}{number}", epoch, step)
                epochs.append({"epoch": epoch, "lora": saved, "loss": _mean(in_epoch)})
            if last:
                break
    _lap(seconds, "training", clock)

    edge = max(1, min(len(losses), max(10, len(losses) // 10)))
    return {
        "lora": saved,
        "epochs": epochs,
        "steps": step,
        "images": len(items),
        "loss_first": _mean(losses[:edge]),
        "loss_last": _mean(losses[-edge:]),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "device": str(device),
        "stopped": stopped and step < the_plan.steps,
        "issues": [issue.to_json() for issue in dataset.issues],
    }


def batch_loss_of(
    config: TrainConfig,
    base: models.Base,
    batch: batches.Batch,
    scaling_factor: float,
    dtype: torch.dtype,
) -> torch.Tensor:
    """How far the UNet's answer is from what was asked, averaged over the pictures; 0-d."""
    device = base.alphas_cumprod.device
    clean = batch.latents.to(device) * scaling_factor
    gaussian = batch.noise.to(device)
    timesteps = batch.timesteps.to(device)
    abar = base.alphas_cumprod[timesteps]
    noisy = noise.add_noise(clean, gaussian, abar)

    with models.autocast(device, dtype):
        with torch.set_grad_enabled(config.text_encoder_lr > 0):
            ids = text.tokenize(base.tokenizer, batch.captions).to(device)
            conditioning = text.encode(base.text_encoder, ids, config.clip_skip)
        (prediction,) = base.unet(
            noisy, timesteps, encoder_hidden_states=conditioning, return_dict=False
        )

    is_velocity = base.prediction_type == "v_prediction"
    target = noise.velocity(clean, gaussian, abar) if is_velocity else gaussian
    per_picture = loss.LOSSES["l2"](prediction, target)
    if config.min_snr_gamma is not None:
        weight = loss.min_snr_weight(abar, config.min_snr_gamma, base.prediction_type)
        per_picture = per_picture * weight
    return per_picture.mean()


def _lap(seconds: dict[str, float], name: str, since: float) -> float:
    """Add the time since ``since`` to a phase; the time now."""
    now = time.perf_counter()
    seconds[name] = seconds.get(name, 0.0) + now - since
    return now


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _check_finite(value: float, step: int, pictures: tuple[str, ...], saved: str | None) -> None:
    if not math.isfinite(value):
        kept = f"the last good file is {Path(saved).name}" if saved else "nothing was saved yet"
        raise DataprepError(
            f"the loss is {value} at step {step} ({', '.join(pictures)})",
            f'lower the learning rates, or use mixed_precision = "no"; {kept}',
        )


def _warn_of_cut_captions(tokenizer: Any, items: tuple[data.Item, ...]) -> None:
    room = tokenizer.model_max_length - 2
    cut = [item.name for item in items if text.token_count(tokenizer, item.caption) > room]
    if cut:
        log.warning("captions of %d pictures are cut at %d tokens: %s", len(cut), room, cut[:5])
