"""Trains the autoencoder of the demo base: python -m sample_data.make.train_autoencoder

Crops are enough to learn flat art, and the loss looks at coarse copies of the picture too:
plain L1 finds the outlines first and leaves small coloured parts grey for very long.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL

from . import data
from .loop import (
    MODELS,
    Average,
    Log,
    batches,
    load_state,
    optimizer_for,
    prepare,
    save_state,
    warm_cosine,
)

LEVELS = 4
WIDTHS = (16, 32, 64, 64)
WHOLE_FROM = 0.8
# The factor of SD 1.5. Latents are brought to it, for tools that have it written into them.
SCALING = 0.18215
OUT = MODELS / "demo-base"


def build() -> AutoencoderKL:
    """Factor 8, four latent channels: the shape every SD 1.5 tool expects, in small."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * LEVELS,
        up_block_types=("UpDecoderBlock2D",) * LEVELS,
        block_out_channels=WIDTHS,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=128,
    )


def reconstruction_loss(
    ours: torch.Tensor, theirs: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """Weighted L1, L1 of the slopes, and L1 of coarser and coarser copies."""
    off = ours - theirs
    loss = (off.abs() * weight).mean()
    loss = loss + 0.5 * (_slope(off, 2).mean() + _slope(off, 3).mean())
    for scale in (2, 4, 8):
        loss = loss + 0.5 * F.avg_pool2d(off, scale).abs().mean()
    return loss


def _slope(off: torch.Tensor, axis: int) -> torch.Tensor:
    """Edges agree exactly when the error itself has no slope."""
    return off.diff(dim=axis).abs()


def importance(pictures: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The character and strong colours count more than the ground behind them."""
    vivid = pictures.amax(1, keepdim=True) - pictures.amin(1, keepdim=True)
    weight = 1 + mask + vivid
    return weight / weight.mean()


def train(args: argparse.Namespace) -> None:
    """The whole run; an existing checkpoint is continued."""
    prepare(args.seed)
    pictures = data.base_pictures(data.TRAIN_SEED, args.count, 128, 128, args.cache)
    vae = build().to(memory_format=torch.channels_last)
    average, optimizer = Average(vae, 0.995), optimizer_for(vae, args.lr, decay=0.0)
    first, state_path, log = 0, args.cache / args.state, Log()
    if (state := load_state(state_path)) is not None and not args.fresh:
        vae.load_state_dict(state["model"])
        average.model.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    chosen = batches(args.count, args.batch, args.seed + first)
    for step in range(first, args.steps):
        # Norms see the whole picture later, so the last steps are taken on whole pictures.
        side = args.crop if step < WHOLE_FROM * args.steps else pictures.images.shape[1]
        seen, mask = cropped(pictures, next(chosen).numpy(), side)
        hidden = vae.encode(seen).latent_dist
        decoded = vae.decode(hidden.sample()).sample
        kl = 0.5 * (hidden.mean**2 + hidden.var - 1 - hidden.logvar).mean()
        loss = reconstruction_loss(decoded, seen, importance(seen, mask)) + args.kl * kl
        for group in optimizer.param_groups:
            group["lr"] = args.lr * warm_cosine(step, args.steps)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        average.update(vae, step)
        log.add(step + 1, loss=loss.item(), kl=kl.item(), error=_error(decoded, seen))
        if (step + 1) % 200 == 0 or step + 1 == args.steps:
            save_state(
                state_path,
                model=vae.state_dict(),
                average=average.model.state_dict(),
                optimizer=optimizer.state_dict(),
                step=step + 1,
            )
    print(f"held-out PSNR {held_out_psnr(average.model, args.cache):.2f} dB", flush=True)


@torch.no_grad()
def _error(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((ours - theirs).abs().mean())


def cropped(
    pictures: data.Pictures, index: np.ndarray, side: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same random window of every picture of the batch, in -1..1, and of its mask."""
    room = pictures.images.shape[1] - side
    y, x = (int(value) for value in torch.randint(0, room + 1, (2,)))
    window = (index, slice(y, y + side), slice(x, x + side))
    seen = torch.from_numpy(pictures.images[window]).permute(0, 3, 1, 2).float() / 127.5 - 1
    mask = torch.from_numpy(pictures.masks[window])[:, None].float() / 255
    return seen.contiguous(memory_format=torch.channels_last), mask


@torch.no_grad()
def standardized(vae: AutoencoderKL, images: np.ndarray) -> AutoencoderKL:
    """The same autoencoder with each latent channel at mean 0 and deviation 1 / SCALING.

    Shift and scale go into the 1x1 convolutions on both sides of the latents, so pictures come
    back unchanged, while noise reaches all channels alike.
    """
    latents = encoded(vae, images)
    mean, scale = latents.mean((0, 2, 3)), latents.std((0, 2, 3)) * SCALING
    into, out = vae.quant_conv, vae.post_quant_conv
    channels = len(mean)
    out.bias += (out.weight[:, :, 0, 0] * mean).sum(1)
    out.weight *= scale.reshape(1, -1, 1, 1)
    into.bias[:channels] -= mean
    into.bias[:channels] /= scale
    into.weight[:channels] /= scale.reshape(-1, 1, 1, 1)
    into.bias[channels:] -= 2 * scale.log()
    vae.register_to_config(scaling_factor=SCALING)
    return vae


@torch.no_grad()
def encoded(vae: AutoencoderKL, images: np.ndarray, batch: int = 32) -> torch.Tensor:
    """The latents of whole pictures, unscaled."""
    out = []
    for at in range(0, len(images), batch):
        seen = torch.from_numpy(images[at : at + batch]).permute(0, 3, 1, 2).float() / 127.5 - 1
        seen = seen.contiguous(memory_format=torch.channels_last)
        out.append(vae.encode(seen).latent_dist.mean.contiguous())
    return torch.cat(out)


@torch.no_grad()
def decoded_pictures(vae: AutoencoderKL, images: np.ndarray, batch: int = 32) -> np.ndarray:
    """The pictures after a trip through the latents, as bytes."""
    out = []
    for at in range(0, len(images), batch):
        seen = torch.from_numpy(images[at : at + batch]).permute(0, 3, 1, 2).float() / 127.5 - 1
        back = vae.decode(vae.encode(seen).latent_dist.mean).sample
        out.append(((back.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy())
    return np.concatenate(out)


def psnr(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Peak signal to noise over all pictures, in dB."""
    off = (ours.astype(np.float64) - theirs.astype(np.float64)) / 255
    return float(-10 * np.log10(np.mean(off**2)))


def held_out_psnr(vae: AutoencoderKL, cache: Path = data.CACHE, count: int = 64) -> float:
    """PSNR on whole pictures nobody trained on."""
    images = data.base_pictures(data.HELD_OUT_SEED, count, 128, 128, cache).images
    return psnr(decoded_pictures(vae, images), images)


def load(cache: Path, name: str = "autoencoder.pt") -> AutoencoderKL:
    """The averaged autoencoder of the last checkpoint."""
    state = load_state(cache / name)
    if state is None:
        raise SystemExit(f"no {name} in {cache}; run sample_data.make.train_autoencoder first")
    vae = build()
    vae.load_state_dict(state["average"])
    return vae.eval().requires_grad_(False)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3600)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--crop", type=int, default=96)
    parser.add_argument("--count", type=int, default=14000, help="pictures to paint")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--kl", type=float, default=2e-4)
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--cache", type=Path, default=data.CACHE)
    parser.add_argument("--state", default="autoencoder.pt", help="checkpoint name in the cache")
    parser.add_argument("--fresh", action="store_true", help="ignore an older checkpoint")
    return parser.parse_args()


if __name__ == "__main__":
    train(arguments())
