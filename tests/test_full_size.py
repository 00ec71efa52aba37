"""Training on bases of full size: gigabytes and minutes; run with ``pytest -m full -s``.

Weights are random, so what is learned means nothing; names, shapes, memory and time are real.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import full_base
import pytest
import torch
from safetensors.torch import load_file

from bench.train_step import paint
from train import lora_file, models, names, networks, text
from train.families import Family
from train.models import Source
from train.networks.network import attached
from train.text.rules import TextRules

pytestmark = pytest.mark.full

GIB = 2**30
CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Run:
    """What a training process said of itself."""

    modules: int
    losses: list[float]
    seconds: list[float]
    """From one step to the next."""
    first: float
    """Seconds from the start of the process to the end of its first step."""
    peak: float
    """GiB."""
    path: Path


@pytest.fixture(scope="module")
def sd1(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield from built(tmp_path_factory, "sd1")


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield from built(tmp_path_factory, "sdxl")


def built(factory: pytest.TempPathFactory, family: Family) -> Iterator[Path]:
    """The base, which pytest would keep for three sessions."""
    folder = factory.mktemp(family)
    try:
        yield full_base.build(folder, family)
    finally:
        shutil.rmtree(folder)


def run(base: Path, root: Path, side: int, **values: Any) -> Run:
    """Train in a process of its own, whose peak of memory is the run's."""
    if not (root / "img").exists():
        paint(root / "img" / "4_thing", side, 1)
    given = {
        "pretrained_model_name_or_path": str(base),
        "train_data_dir": str(root / "img"),
        "output_dir": str(root / "model"),
        "resolution": f"{side},{side}",
        "max_train_steps": 3,
        "network_dim": 4,
        "network_alpha": 4,
        "mixed_precision": "bf16",
        "save_precision": "float",
        "device": "cpu",
        **values,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in given.items()]
    (root / "train.toml").write_text("\n".join(lines))
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "train", "run", str(root / "train.toml")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert process.stdout is not None
    told = [(time.perf_counter() - begun, json.loads(line)) for line in process.stdout]
    said = process.communicate()[1]
    assert process.returncode == 0, (told[-1], said)
    steps = [(at, event["facts"]) for at, event in told if event.get("stage") == "training"]
    times = [at for at, _ in steps]
    done = Run(
        int(said.partition(" modules, ")[0].rpartition("\n")[2]),
        [facts["loss"] for _, facts in steps],
        [later - earlier for earlier, later in pairwise(times)],
        times[0],
        steps[-1][1]["memory_mb"] * 1e6 / GIB,
        Path(told[-1][1]["lora"]),
    )
    each = f"{min(done.seconds):.2f} s/step, " if done.seconds else ""
    print(
        f"\n{base.name}, {side} px: {each}first after {done.first:.1f} s, peak {done.peak:.2f} GiB"
    )
    return done


@pytest.mark.parametrize(("side", "most"), [(256, 3.4), (512, 4.4)])
def test_sd1_learns_in_little_memory(sd1: Path, tmp_path: Path, side: int, most: float) -> None:
    done = run(sd1, tmp_path, side, text_encoder_lr=1e-3, unet_lr=1e-3)
    assert done.modules == 264
    assert len(done.losses) == 3
    assert all(math.isfinite(loss) for loss in done.losses)
    # the bare UNet with such layers takes 2.7 and 3.7 GiB
    assert done.peak < most
    weights = load_file(done.path)
    assert len(weights) == 264 * 3
    assert sum(key.startswith("lora_te_") for key in weights) == 72 * 3
    ups = [value for key, value in weights.items() if key.endswith("lora_up.weight")]
    assert all(up.any() for up in ups)


def test_sd1_checkpointed_is_the_same(sd1: Path, tmp_path: Path) -> None:
    steps = {"max_train_steps": 2}
    plain = run(sd1, tmp_path, 512, output_name="plain", **steps)
    saving = run(sd1, tmp_path, 512, output_name="saving", gradient_checkpointing=True, **steps)
    assert saving.losses == plain.losses
    assert saving.peak < plain.peak - 0.2
    ours, other = load_file(plain.path), load_file(saving.path)
    assert ours.keys() == other.keys()
    assert all(torch.equal(value, other[key]) for key, value in ours.items())


def test_sd1_file_merged_is_the_file_laid_on(sd1: Path, tmp_path: Path) -> None:
    # 3 steps of this rate move the answer far beyond the rounding of float32
    done = run(sd1, tmp_path, 256, unet_lr=1e-2, text_encoder_lr=1e-2)
    weights = lora_file.read(done.path, "sd1")
    base = models.load(Source(str(sd1)), CPU, torch.float32)
    targets = names.targets(base)
    alone = answer(base)
    network = networks.from_weights(targets, weights).eval()
    with attached(network, targets):
        laid = answer(base)
    assert torch.equal(answer(base), alone)
    networks.merge(targets, weights, 1.0)
    merged = answer(base)
    moved = (laid - alone).abs().max()
    assert (merged - laid).abs().max() < moved / 1000
    assert len(network) == 264


@torch.no_grad()
def answer(base: models.Base) -> torch.Tensor:
    """The UNet's answer for one latent and one caption."""
    latents = torch.randn(1, 4, 32, 32, generator=torch.Generator().manual_seed(1))
    conditioning = text.encode(base, ["zumi, red circle"], TextRules())
    return text.ask(base, latents, torch.tensor([500]), conditioning)


def test_sdxl_learns(sdxl: Path, tmp_path: Path) -> None:
    done = run(sdxl, tmp_path, 256, max_train_steps=2, text_encoder_lr=0)
    assert done.modules == 722
    assert len(done.losses) == 2
    assert all(math.isfinite(loss) for loss in done.losses)
    assert done.peak < 20
    weights = load_file(done.path)
    assert len(weights) == 722 * 3
    assert all(key.startswith("lora_unet_") for key in weights)


def test_sdxl_has_264_more_on_its_text_encoders(sdxl: Path, tmp_path: Path) -> None:
    done = run(sdxl, tmp_path, 256, max_train_steps=1)
    assert done.modules == 986
    weights = load_file(done.path)
    assert len(weights) == 986 * 3
    assert sum(key.startswith("lora_te2_") for key in weights) == 32 * 6 * 3
