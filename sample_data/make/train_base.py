"""Trains the demo base's text encoder and UNet: python -m sample_data.make.train_base

Needs the autoencoder of sample_data.make.train_autoencoder. Latents are made once, captions anew
at every step. Scenes that give zumi away are never seen, so that a LoRA has something to teach.
"""

from __future__ import annotations

import argparse
import copy
import random
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextModel

from . import data
from .base_parts import OUT, TEXT_WIDTH, build_text_encoder, build_unet, training_noise, write_base
from .captions import Tokens, varied, visible_tags
from .loop import Average, Log, batches, load_state, optimizer_for, prepare, save_state, warm_cosine
from .train_autoencoder import SCALING, encoded, load, standardized
from .words import write_tokenizer

SIZES = {(128, 128): 1.0, (128, 192): 0.18, (192, 128): 0.18}
SNR_LIMIT = 5.0
# Pictures that the mean and deviation of the latents are measured on.
STATISTICS = 1000


@dataclass(frozen=True)
class Latents:
    """One size of pictures, as scaled latents, with the tags of each."""

    values: torch.Tensor
    tags: list[list[str]]


class Base(nn.Module):
    """Text encoder and UNet as one model, so that one average and one optimizer hold both."""

    def __init__(self) -> None:
        super().__init__()
        self.text = build_text_encoder()
        self.unet = build_unet()

    def forward(
        self, noisy: torch.Tensor, times: torch.Tensor, tokens: torch.Tensor
    ) -> torch.Tensor:
        """The noise that is thought to be in `noisy`."""
        return self.unet(noisy, times, self.text(tokens).last_hidden_state).sample


def all_latents(vae: AutoencoderKL, args: argparse.Namespace) -> list[Latents]:
    """Every size, at unit variance; the squares come first."""
    sets: list[Latents] = []
    for (width, height), share in SIZES.items():
        count = int(args.count * share)
        pictures = data.base_pictures(data.TRAIN_SEED, count, width, height, args.cache)
        if not sets:
            standardized(vae, pictures.images[:STATISTICS])
        values = encoded(vae, pictures.images) * SCALING
        sets.append(Latents(values, [visible_tags(row) for row in pictures.rows]))
        print(f"{width}x{height}: {count} latents, deviation {values.std():.3f}", flush=True)
    return sets


def warm_text(text: CLIPTextModel, tokens: Tokens, sets: list[Latents], steps: int) -> None:
    """Teaches the text encoder to say at each tag's last word which tag it was.

    Minutes of UNet training go into that otherwise: until colour and noun are bound, the
    cross-attention has nothing to hold on to.
    """
    head = nn.Linear(TEXT_WIDTH, len(data.NAMES))
    optimizer = torch.optim.AdamW([*text.parameters(), *head.parameters()], lr=1e-3)
    rng, log = random.Random("warm text"), Log(100)
    for step in range(steps):
        captions = [varied(rng.choice(sets[0].tags), rng) for _ in range(32)]
        rows, told = tokens.labelled(captions)
        said = head(text(rows).last_hidden_state)
        loss = F.cross_entropy(said.flatten(0, 1), told.flatten())
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * warm_cosine(step, steps, warmup=20)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.add(step + 1, words=loss.item())


def noise_loss(base: Base, clean: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Min-SNR weighted error of the noise, which spends little on the last fine grain."""
    noise, times = torch.randn_like(clean), torch.randint(0, 1000, (len(clean),))
    schedule = training_noise()
    kept = schedule.alphas_cumprod[times]
    snr = kept / (1 - kept)
    said = base(schedule.add_noise(clean, noise, times), times, tokens)
    off = (said - noise).pow(2).mean((1, 2, 3))
    return (off * snr.clamp(max=SNR_LIMIT) / snr).mean()


def train(args: argparse.Namespace) -> None:
    """The whole run; an existing checkpoint is continued."""
    prepare(args.seed)
    vae = load(args.cache)
    sets = all_latents(vae, args)
    write_tokenizer(args.cache / "tokenizer")
    tokens = Tokens(args.cache / "tokenizer")
    base = Base()
    first, state_path, log = 0, args.cache / args.state, Log()
    state = None if args.fresh else load_state(state_path)
    if state is None:
        warm_text(base.text, tokens, sets, args.warm_text)
    base.unet.to(memory_format=torch.channels_last)
    average, optimizer = Average(base), optimizer_for(base, args.lr)
    if state is not None:
        base.load_state_dict(state["model"])
        average.model.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    rng = random.Random(f"{args.seed}/{first}")
    chosen = [batches(len(one.values), args.batch, args.seed + first) for one in sets]
    weights = [len(one.values) for one in sets]
    for step in range(first, args.steps):
        which = rng.choices(range(len(sets)), weights)[0]
        index = next(chosen[which])
        captions = [varied(sets[which].tags[at], rng) for at in index.tolist()]
        clean = sets[which].values[index]
        loss = noise_loss(base, clean, tokens.rows(captions))
        for group in optimizer.param_groups:
            group["lr"] = args.lr * warm_cosine(step, args.steps)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(base.parameters(), 1.0)
        optimizer.step()
        average.update(base, step)
        log.add(step + 1, loss=loss.item())
        if (step + 1) % 250 == 0 or step + 1 == args.steps:
            save_state(
                state_path,
                model=base.state_dict(),
                average=average.model.state_dict(),
                optimizer=optimizer.state_dict(),
                step=step + 1,
            )
        if (step + 1) % args.write_every == 0 or step + 1 == args.steps:
            export(vae, average.model, args.out)


def export(vae: AutoencoderKL, base: nn.Module, folder: Path) -> None:
    """Writes copies: saving turns them to half precision."""
    text, unet = copy.deepcopy(base.text), copy.deepcopy(base.unet)
    assert isinstance(text, CLIPTextModel)
    assert isinstance(unet, UNet2DConditionModel)
    write_base(copy.deepcopy(vae), text, unet, folder)
    print(f"wrote {folder.name}", flush=True)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2800)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--count", type=int, default=14000, help="square pictures to paint")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--warm-text", type=int, default=400, help="steps of text warm-up")
    parser.add_argument("--write-every", type=int, default=500)
    parser.add_argument("--seed", type=int, default=10)
    parser.add_argument("--cache", type=Path, default=data.CACHE)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--state", default="base.pt", help="checkpoint name inside the cache")
    parser.add_argument("--fresh", action="store_true", help="ignore an older checkpoint")
    return parser.parse_args()


if __name__ == "__main__":
    train(arguments())
