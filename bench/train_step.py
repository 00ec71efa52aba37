"""Seconds per training step: ours, the named alternative, and the limit.

    python -m bench.train_step [MODEL_FOLDER] [--batch 4] [--resolution 128] [--threads 2]

- ours: the UNet and text encoder with our LoRA, as in ``train.recipe``
- alternative: the same step with peft's LoRA layers on the same modules (diffusers + peft, the
  way of diffusers' own training script)
- limit: the base alone, forward and backward to its input, without any LoRA or optimizer

All three take turns in one process, so a change of load falls on all of them.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from peft import LoraConfig

from bench.machine import heading
from dataprep.weights import find_base
from train import loss, models, names, optim, text
from train.networks import lora

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

Step = Callable[[], None]


def inputs(base: models.Base, batch: int, side: int) -> tuple[torch.Tensor, ...]:
    source = torch.Generator().manual_seed(0)
    latents = torch.randn(batch, 4, side // 8, side // 8, generator=source)
    timesteps = torch.randint(0, len(base.alphas_cumprod), (batch,), generator=source)
    return latents, timesteps, text.tokenize(base.tokenizer, [CAPTION] * batch)


def trained(base: models.Base, parameters: list[torch.nn.Parameter], given: tuple) -> Step:
    latents, timesteps, ids = given
    optimizer = optim.OPTIMIZERS["AdamW"]([optim.group("all", parameters, LR)], 0.01)

    def step() -> None:
        conditioning = text.encode(base.text_encoder, ids)
        (out,) = base.unet(
            latents, timesteps, encoder_hidden_states=conditioning, return_dict=False
        )
        loss.l2(out, latents).mean().backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def ours(base: models.Base, given: tuple, dim: int) -> Step:
    targets = names.unet_targets(base.unet) | names.text_encoder_targets(base.text_encoder)
    network = lora.create(targets, dim, dim, seed=0)
    step = trained(base, list(network.parameters()), given)

    def attached() -> None:
        with lora.attached(network, targets):
            step()

    return attached


def alternative(base: models.Base, given: tuple, dim: int) -> Step:
    copied = models.Base(
        copy.deepcopy(base.unet),
        copy.deepcopy(base.text_encoder),
        base.tokenizer,
        base.alphas_cumprod,
        base.prediction_type,
    )
    for part, layers in ((copied.unet, UNET_LAYERS), (copied.text_encoder, TEXT_LAYERS)):
        part.add_adapter(LoraConfig(r=dim, lora_alpha=dim, target_modules=layers))
    parameters = [
        parameter
        for part in (copied.unet, copied.text_encoder)
        for parameter in part.parameters()
        if parameter.requires_grad
    ]
    return trained(copied, parameters, given)


def limit(base: models.Base, given: tuple) -> Step:
    latents, timesteps, ids = given

    def step() -> None:
        with torch.no_grad():
            conditioning = text.encode(base.text_encoder, ids)
        x = latents.clone().requires_grad_()
        (out,) = base.unet(
            x, timesteps, encoder_hidden_states=conditioning.requires_grad_(), return_dict=False
        )
        loss.l2(out, latents).mean().backward()

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
    base = models.load(options.model, torch.device("cpu"))
    given = inputs(base, options.batch, options.resolution)
    steps = {
        "ours": ours(base, given, options.dim),
        "diffusers + peft": alternative(base, given, options.dim),
        "base without LoRA (limit)": limit(base, given),
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
