"""Seconds per training step: ours, the named alternative, and the limit.

    python -m bench.train_step [MODEL_FOLDER] [--batch 4] [--resolution 128] [--threads 2]

- ours: one turn of the loop in ``train.recipe``, from the kept latents and the caption to the
  optimizer, with our network on the UNet and the text encoder
- alternative: the same turn with peft's LoRA layers on the same modules (diffusers + peft, the way
  of diffusers' own training script)
- limit: the base alone, forward and backward to its input, without any LoRA or optimizer

All three take turns in one process, so a change of load falls on all of them. More threads than
free cores make every small step wait for the slowest: on a busy machine take ``--threads 1``.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from peft import LoraConfig
from PIL import Image
from torch import nn

from bench.machine import heading
from dataprep.jobs import finish
from dataprep.weights import find_base
from train import data, laying, loss, models, optim, text
from train.batch import Place, assemble
from train.config import TrainConfig
from train.networks import rates
from train.networks.network import attached
from train.pictures import views
from train.recipe import learn

LR, CAPTION = 1e-4, "zumi, 1girl, solo, smile"
UNET_LAYERS = [
    "to_q",
    "to_k",
    "to_v",
    "to_out.0",
    "proj_in",
    "proj_out",
    "ff.net.0.proj",
    "ff.net.2",
]
TEXT_LAYERS = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]
STEPS = 1000

Step = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What there is to learn from."""

    config: TrainConfig
    base: models.Base
    views: views.Views
    batches: Sequence[Sequence[data.Use]]
    scaling_factor: float


def paint(folder: Path, side: int, count: int) -> None:
    """Square pictures of noise with a caption each."""
    folder.mkdir(parents=True)
    source = np.random.default_rng(0)
    for number in range(count):
        pixels = source.integers(0, 256, (side, side, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text(f"{CAPTION}\n")


def config_of(model: str, root: Path, batch: int, side: int, dim: int, **more: Any) -> TrainConfig:
    """A run over the pictures in ``root/img``."""
    values = {
        "pretrained_model_name_or_path": model,
        "train_data_dir": root / "img",
        "output_dir": root / "model",
        "resolution": side,
        "train_batch_size": batch,
        "max_train_steps": STEPS,
        "network_dim": dim,
        "network_alpha": dim,
        "unet_lr": LR,
        "text_encoder_lr": LR,
        "cache_latents_to_disk": False,
        "device": "cpu",
    }
    return TrainConfig(**{**values, **more})


def lesson(config: TrainConfig) -> Lesson:
    """The pictures as latents, and the base."""
    items = data.scan(config).items
    source = models.source_of(config)
    device = torch.device(config.device)
    vae = models.load_vae(source, device)
    seen, _ = finish(views.prepare(config, vae, items, config.output_dir))
    base = models.load(source, device)
    factor = float(vae.config.scaling_factor)
    return Lesson(config, base, seen, data.epoch(config, items, 1), factor)


def trained(given: Lesson, groups: list[dict[str, Any]], begin: Callable[[int], None]) -> Step:
    """One turn of the loop; ``begin`` is told its number."""
    config = given.config
    optimizer = optim.create(config, groups)
    parameters = [each for group in groups for each in group["params"]]
    rules = text.rules_of(config, given.base.family)
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    turns = enumerate(itertools.cycle(given.batches))

    def step() -> None:
        number, uses = next(turns)
        begin(number)
        place = Place(1, number, STEPS)
        learn(config, given.base, given.views, [uses], place, rules, scaler, given.scaling_factor)
        nn.utils.clip_grad_norm_(parameters, config.max_grad_norm)
        optim.set_lr(optimizer, 1.0)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)

    return step


def ours(given: Lesson) -> Step:
    network, targets = laying.lay(given.config, given.base)
    network.train()
    groups = rates.groups(given.config, network, targets)
    step = trained(given, groups, lambda number: network.begin_step(given.config.seed, number))

    def alone() -> None:
        # the base is shared with the limit
        with attached(network, targets):
            step()

    return alone


def alternative(given: Lesson) -> Step:
    base = replace(
        given.base,
        unet=copy.deepcopy(given.base.unet),
        texts=tuple(
            replace(part, encoder=copy.deepcopy(part.encoder)) for part in given.base.texts
        ),
    )
    parts = {"unet": base.unet, "text_encoder": base.texts[0].encoder}
    dim = given.config.network_dim
    groups = []
    for (name, part), layers in zip(parts.items(), (UNET_LAYERS, TEXT_LAYERS), strict=True):
        part.add_adapter(LoraConfig(r=dim, lora_alpha=dim, target_modules=layers))
        parameters = [each for each in part.parameters() if each.requires_grad]
        group = {"name": name, "part": name, "params": parameters, "lr": LR, "base_lr": LR}
        groups.append(group)
    return trained(replace(given, base=base), groups, lambda number: None)


def limit(given: Lesson) -> Step:
    base, rules = given.base, text.rules_of(given.config, given.base.family)
    captions = [CAPTION] * given.config.train_batch_size
    batch = assemble(
        given.config,
        given.batches[0],
        given.views,
        Place(1, 0, STEPS),
        scaling_factor=given.scaling_factor,
        timesteps=len(base.alphas_cumprod),
    )

    def step() -> None:
        with torch.no_grad():
            conditioning = text.encode(base, captions, rules)
        conditioning.hidden.requires_grad_()
        x = batch.latents.clone().requires_grad_()
        out = text.ask(base, x, batch.timesteps, conditioning, batch.sizes)
        loss.l2(out, batch.latents).mean().backward()

    return step


def timed(step: Step) -> tuple[float, float]:
    """Wall and processor seconds of one step; the latter count what a busy machine hides."""
    wall, work = time.perf_counter(), time.process_time()
    step()
    return time.perf_counter() - wall, time.process_time() - work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default=find_base("demo"))
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--resolution", type=int, default=128)
    parser.add_argument("--dim", type=int, default=16)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with TemporaryDirectory() as folder:
        root, side = Path(folder), options.resolution
        paint(root / "img" / "1_thing", side, 2 * options.batch)
        config = config_of(str(options.model), root, options.batch, side, options.dim)
        given = lesson(config)
    steps = {
        "ours": ours(given),
        "diffusers + peft": alternative(given),
        "base without LoRA (limit)": limit(given),
    }
    print(heading("torch", "diffusers", "transformers", "peft"))
    print(
        f"{Path(options.model).name}: batch {options.batch}, {options.resolution} px, "
        f"dim {options.dim}, {options.threads} threads"
    )
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for number in range(options.runs + 2):
        for name, step in steps.items():
            measured = timed(step)
            if number >= 2:
                seconds[name].append(measured)
    medians = {
        name: tuple(statistics.median(column) for column in zip(*rows, strict=True))
        for name, rows in seconds.items()
    }
    floor = medians["base without LoRA (limit)"][0]
    for name, (wall, work) in medians.items():
        print(f"{name:28} {wall:.4f} s/step  {wall / floor:.2f}×  {work:.4f} s processor time")


if __name__ == "__main__":
    main()
