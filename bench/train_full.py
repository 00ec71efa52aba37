"""A step on a base of full size, and its memory: ours beside the bare UNet.

    python -m bench.train_full [FAMILY] [--sides 256 512] [--runs 5 3] [--rank 4] [--base FOLDER]

- limit: the UNet in bf16 with rank-4 LoRA layers (peft) under autocast, forward and backward; no
  text encoder, no optimizer, nothing else in the process
- ours: a real run of ``train.recipe`` with ``mixed_precision = "bf16"``, once with the UNet alone
  learning and once with the text encoder too; latents, captions, loss, clipping, AdamW and all

Each is a process of its own, so that peaks of memory are its own; they take turns step by step, so
that a change of load falls on all. Weights are random: what a step costs does not depend on them.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.machine import heading

GIB = 2**30
WARM = 1
"""Steps before those that count: the first one lays weights out anew and reserves memory."""
PICTURES, CAPTION_TOKENS = 2, 77
RATES: dict[str, dict[str, float]] = {
    "ours, UNet": {"text_encoder_lr": 0.0},
    "ours, UNet and text encoder": {"text_encoder_lr": 1e-4},
}
LIMIT = "bare UNet with LoRA layers (limit)"
Told = dict[str, Any]


def forget_peak() -> None:
    """Let the peak of this process begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """The most memory this process has held since ``forget_peak``, bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def bare(base: Path, side: int, rank: int) -> Iterator[Told]:
    """Told after each forward and backward pass."""
    import torch
    from diffusers import UNet2DConditionModel
    from peft import LoraConfig

    from bench.train_step import UNET_LAYERS

    unet = UNet2DConditionModel.from_pretrained(base / "unet", torch_dtype=torch.bfloat16)
    unet.requires_grad_(False)
    unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=UNET_LAYERS))
    parameters = [each for each in unet.parameters() if each.requires_grad]
    source = torch.Generator().manual_seed(0)
    latents = torch.randn(1, 4, side // 8, side // 8, generator=source)
    width = unet.config.cross_attention_dim
    hidden = torch.randn(1, CAPTION_TOKENS, width, generator=source).bfloat16()
    added = {}
    if unet.config.addition_embed_type == "text_time":
        sizes = torch.tensor([[side, side, 0, 0, side, side]])
        added = {"text_embeds": torch.randn(1, 1280, generator=source), "time_ids": sizes}
    yield {"modules": len(parameters) // 2, "peak": peak(), "what": "base"}
    forget_peak()
    while True:
        with torch.autocast("cpu", torch.bfloat16):
            out = unet(
                latents,
                torch.tensor([500]),
                encoder_hidden_states=hidden,
                added_cond_kwargs=added,
                return_dict=False,
            )[0]
        out.float().square().mean().backward()
        for parameter in parameters:
            parameter.grad = None
        yield {"peak": peak()}


def ours(base: Path, side: int, rank: int, **values: float) -> Iterator[Told]:
    """Told after each step of a real run."""
    from bench.train_step import config_of, paint
    from train.recipe import train

    with TemporaryDirectory() as folder:
        root = Path(folder)
        paint(root / "img" / "500_thing", side, PICTURES)
        config = config_of(str(base), root, 1, side, rank, mixed_precision="bf16", **values)
        laid = Laid()
        logging.getLogger("train").addHandler(laid)
        logging.getLogger("train").setLevel(logging.INFO)
        stage = "loading"
        for now in train(config, started_at=0):
            if now.stage == "training":
                yield from laid.told
                laid.told = []
                yield {"loss": now.facts["loss"], "peak": peak()}
            elif now.stage != stage:
                yield {"peak": peak(), "what": "VAE" if stage == "loading" else stage}
                forget_peak()
                stage = now.stage


class Laid(logging.Handler):
    """Looks at the memory when the network is laid on the base: between loading and the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Told] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "modules, " in record.getMessage():
            self.told = [{"peak": peak(), "what": "base"}]
            forget_peak()


def child(kind: str, base: Path, side: int, rank: int, threads: int | None) -> None:
    """One step for each line of stdin; what is told goes to stdout."""
    begun = time.perf_counter()
    if threads:
        import torch

        torch.set_num_threads(threads)
    told = bare(base, side, rank) if kind == LIMIT else ours(base, side, rank, **RATES[kind])
    for _ in sys.stdin:
        wall, work, loaded = time.perf_counter(), time.process_time(), []
        entry = next(told)
        while "what" in entry:
            loaded.append(entry)
            wall, work = time.perf_counter(), time.process_time()
            entry = next(told)
        now = time.perf_counter()
        seconds = {"wall": now - wall, "work": time.process_time() - work, "since": now - begun}
        print(json.dumps({**entry, **seconds, "before": loaded}), flush=True)


class Runner:
    """A process that makes a step when it is asked to."""

    def __init__(self, kind: str, base: Path, side: int, given: list[str]) -> None:
        arguments = ["--child", kind, "--base", str(base), "--sides", str(side), *given]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.train_full", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.told: list[Told] = []

    def step(self) -> None:
        """Make one step and keep what is told of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(self._process.communicate()[1])
        self.told.append(json.loads(line))

    def end(self) -> None:
        """Stop it where it stands."""
        self._process.kill()
        self._process.communicate()

    def median(self, what: str) -> float:
        return statistics.median(entry[what] for entry in self.told[WARM:])


def measured(base: Path, side: int, runs: int, options: argparse.Namespace) -> None:
    """Print the rows of one size."""
    runners: dict[str, Runner] = {}
    given = ["--rank", str(options.rank)]
    if options.threads:
        given += ["--threads", str(options.threads)]
    try:
        for kind in (LIMIT, *RATES):
            runners[kind] = Runner(kind, base, side, given)
            runners[kind].step()
        for _ in range(WARM - 1 + runs):
            for runner in runners.values():
                runner.step()
    finally:
        for runner in runners.values():
            runner.end()
    bare_wall, bare_work = (runners[LIMIT].median(what) for what in ("wall", "work"))
    least = _peak(runners[LIMIT])
    print(f"\n{side} px, batch 1, rank {options.rank}, bf16: medians of {runs} steps in turns")
    for kind, runner in runners.items():
        wall, work, most = runner.median("wall"), runner.median("work"), _peak(runner)
        before = ", ".join(
            f"{entry['what']} {entry['peak'] / GIB:.2f}" for entry in runner.told[0]["before"]
        )
        print(
            f"{kind:36} {wall:6.2f} s/step {wall / bare_wall:5.2f}×  {work:6.2f} s of processors "
            f"{work / bare_work:5.2f}×  peak {most / GIB:5.2f} GiB {most / least:5.2f}×  "
            f"(loading, each: {before})  first step after {runner.told[0]['since']:.1f} s"
        )


def _peak(runner: Runner) -> int:
    return max(entry["peak"] for entry in (*runner.told, *runner.told[0]["before"]))


def built(folder: Path, family: str) -> Path:
    """A base of full size with random weights."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    full_base: Callable[..., Any] = __import__("full_base").build
    return full_base(folder, family)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", nargs="?", default="sd1", choices=("sd1", "sd2", "sdxl"))
    parser.add_argument("--base", type=Path, help="a diffusers folder, instead of a random one")
    parser.add_argument("--sides", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--runs", type=int, nargs="+", default=[5, 3])
    parser.add_argument("--rank", type=int, default=4)
    parser.add_argument("--threads", type=int, help="default: as many as torch takes")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.base, options.sides[0], options.rank, options.threads)
        return
    print(heading("torch", "diffusers", "transformers", "peft"))
    with TemporaryDirectory() as folder:
        base = options.base or built(Path(folder) / options.family, options.family)
        for side, runs in zip(options.sides, options.runs, strict=True):
            measured(base, side, runs, options)


if __name__ == "__main__":
    main()
