"""Pictures from a base with and without LoRAs: the same noise in every column, to compare."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pydantic import Field

from dataprep import files
from dataprep.errors import DataprepError, UsageError
from dataprep.jobs import Job, Progress
from dataprep.settings import Settings, build, check_names
from train import lora_file, models, names, networks, sample, text
from train.config import LATENT_PIXELS
from train.networks.network import Network, attached
from train.targets import Targets
from train.text.conditioning import Conditioning
from train.text.rules import TextRules

Side = Annotated[int, Field(ge=LATENT_PIXELS, multiple_of=LATENT_PIXELS)]
LONGEST = 225
"""Tokens of a prompt; longer ones are cut."""


class Column(Settings):
    """One LoRA to draw with, or the base alone."""

    name: str
    """What the column is called."""
    path: Path | None = None
    """The LoRA file; none: the base alone."""
    weight: float = 1.0
    """The strength; 0 gives the base."""


class DrawRequest(Settings):
    """Which pictures to draw: every column × prompt × seed."""

    model: str
    """The base model, as in training. So are the next ones."""
    vae: str = ""
    """Another VAE than the base model's."""
    tokenizer: Path | None = None
    """A folder with CLIP's vocabulary."""
    model_config_dir: Path | None = None
    """A diffusers folder that describes a base in one file."""
    v2: bool | None = None
    """Stable Diffusion 2."""
    v_parameterization: bool | None = None
    """The base predicts velocity."""
    zero_terminal_snr: bool | None = None
    """The noise schedule ends in pure noise."""
    loras: Annotated[tuple[Column, ...], Field(min_length=1)] = (Column(name="base"),)
    """The columns."""
    prompts: Annotated[tuple[str, ...], Field(min_length=1)]
    """What to draw."""
    negative: str = ""
    """What guidance leads away from."""
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    """One picture for each."""
    width: Side = 512
    """Pixels."""
    height: Side = 512
    """Pixels."""
    steps: Annotated[int, Field(ge=1, le=1000)] = 20
    """Sampling steps."""
    guidance: Annotated[float, Field(ge=1)] = 5.0
    """Strength of classifier-free guidance; 1: off."""
    clip_skip: Annotated[int, Field(ge=1)] = 1
    """As in training."""
    weighted_prompts: bool = True
    """(tag:1.2) strengthens a tag, as in A1111."""
    sampler: Literal["ddim"] = "ddim"
    """How to get from noise to a picture."""
    batch_size: Annotated[int, Field(ge=1)] = 8
    """Pictures at a time."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to draw."""
    out_dir: Path
    """Where the PNG files go."""

    @property
    def source(self) -> models.Source:
        """The base model."""
        return models.Source(
            self.model,
            self.vae,
            self.tokenizer,
            self.model_config_dir,
            self.v2,
            self.v_parameterization,
            self.zero_terminal_snr,
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """One picture of a column: prompt number and seed."""

    prompt: int
    seed: int


def read_request(path: Path) -> DrawRequest:
    """The request in a JSON file; relative paths start at the working directory."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise UsageError(f"{path}: not JSON ({error})") from None
    if not isinstance(values, dict):
        raise UsageError(f"{path}: not a JSON object")
    check_names(DrawRequest, values, str(path))
    return build(DrawRequest, values, str(path))


def draw(request: DrawRequest, stop: Callable[[], bool] = lambda: False) -> Job[dict[str, Any]]:
    """Draw all pictures; the report lists them in order of column, prompt and seed."""
    device = models.pick_device(request.device)
    request.out_dir.mkdir(parents=True, exist_ok=True)
    files.sweep(request.out_dir)
    yield Progress(0, None, "loading the model", stage="loading")
    base = models.load(request.source, device)
    vae = models.load_vae(request.source, device)
    targets = names.targets(base, convs=True)
    # all before the first picture: a missing file is not found out minutes later
    laid = [_network(column, base, targets) for column in request.loras]
    cells = [Cell(prompt, seed) for prompt in range(len(request.prompts)) for seed in request.seeds]
    groups = [
        cells[begin : begin + request.batch_size]
        for begin in range(0, len(cells), request.batch_size)
    ]
    total = len(request.loras) * len(groups) * request.steps
    images: list[dict[str, Any]] = []
    done = 0
    for number, column in enumerate(request.loras):
        with attached(laid[number], targets), models.explained_memory(), torch.no_grad():
            for group in groups:
                latents = torch.empty(0)
                for latents in denoise(request, base, group):  # noqa: B007
                    done += 1
                    note = f"{column.name}: {request.prompts[group[0].prompt]}"
                    yield Progress(done, total, note, {"images": len(images)}, stage="drawing")
                    if stop():
                        return {"images": images, "stopped": True}
                decoded = decode(vae, latents)
                images += [
                    _save(request, number, cell, pixels)
                    for cell, pixels in zip(group, decoded, strict=True)
                ]
    return {"images": images, "stopped": False}


def _network(column: Column, base: models.Base, targets: Targets) -> Network:
    """A column's LoRA; of no layers for the base alone."""
    if column.path is None:
        return Network()
    weights = lora_file.read(column.path, base.family)
    try:
        network = networks.from_weights(targets, weights)
    except ValueError as error:
        raise DataprepError(
            f"{column.path}: {error}", "is it a LoRA for this base model?"
        ) from None
    network.multiplier = column.weight
    return network.to(base.device).requires_grad_(False).eval()


def denoise(
    request: DrawRequest, base: models.Base, group: Sequence[Cell]
) -> Iterator[torch.Tensor]:
    """The latents of some pictures after each sampling step, with whatever LoRA is attached."""
    prompts = [request.prompts[cell.prompt] for cell in group]
    rules = TextRules(request.clip_skip, LONGEST, request.weighted_prompts)
    # together, so that both are as long
    encoded = text.encode(base, [*prompts, *[request.negative] * len(group)], rules)
    with_prompt, without = _halves(encoded)
    height, width = request.height, request.width
    sizes = torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32)
    model = sample.guided(
        base,
        with_prompt,
        without,
        request.guidance,
        sizes.repeat(len(group), 1).to(base.device) if base.family == "sdxl" else None,
    )
    channels = int(base.unet.config.in_channels)
    shape = (channels, height // LATENT_PIXELS, width // LATENT_PIXELS)
    return sample.SAMPLERS[request.sampler](
        model,
        sample.start([cell.seed for cell in group], shape).to(base.device),
        sample.spaced_timesteps(request.steps, len(base.alphas_cumprod)),
        base.alphas_cumprod,
        base.prediction_type,
    )


def _halves(encoded: Conditioning) -> tuple[Conditioning, Conditioning]:
    hidden = encoded.hidden.chunk(2)
    pooled = (None, None) if encoded.pooled is None else encoded.pooled.chunk(2)
    return Conditioning(hidden[0], pooled[0]), Conditioning(hidden[1], pooled[1])


def decode(vae: Any, latents: torch.Tensor) -> list[torch.Tensor]:
    """Latents (batch, channels, h, w) → pictures, each (height, width, 3) of 0..255."""
    pixels = vae.decode(latents / vae.config.scaling_factor, return_dict=False)[0]
    whole = (pixels.float().clamp(-1, 1) * 127.5 + 127.5).round().to(torch.uint8)
    return list(whole.permute(0, 2, 3, 1).cpu())


def _save(request: DrawRequest, number: int, cell: Cell, pixels: torch.Tensor) -> dict[str, Any]:
    column, prompt = request.loras[number], request.prompts[cell.prompt]
    path = request.out_dir / f"{number}_{cell.prompt}_{cell.seed}.png"
    # a LoRA at 0 is not worth naming
    acting = column.path is not None and column.weight != 0
    write(path, pixels, parameters(request, cell, f"{column.name}:{column.weight}" * acting))
    return {
        "lora": column.name,
        "prompt": prompt,
        "seed": cell.seed,
        "path": str(path),
        "lora_index": number,
        "prompt_index": cell.prompt,
    }


def write(path: Path, pixels: torch.Tensor, how: str) -> None:
    """Write a picture as PNG, with how it was made in the text that other programs show."""
    about = PngInfo()
    about.add_itxt("parameters", how)
    image = Image.fromarray(pixels.numpy())
    files.save(path, lambda temp: image.save(temp, format="PNG", pnginfo=about))


def parameters(request: DrawRequest, cell: Cell, lora: str = "") -> str:
    """How a picture was made, as A1111 writes it."""
    return (
        f"{request.prompts[cell.prompt]}\nNegative prompt: {request.negative}\n"
        f"Steps: {request.steps}, Sampler: DDIM, CFG scale: {request.guidance}, "
        f"Seed: {cell.seed}, Size: {request.width}x{request.height}"
        + (f", Lora: {lora}" if lora else "")
    )
