"""The report of a training run, from the trainer's own result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataprep.layout import TRAIN_FILE
from dataprep.report import Issue, Report


def report_of(result: Mapping[str, Any], out: Path, *, dry_run: bool = False) -> Report:
    """What a run (or, dry, its plan) came to; ``out`` is the training folder."""
    facts = {key: value for key, value in result.items() if key != "issues"}
    return Report(
        "train",
        done=int(facts.get("steps", 0)),
        issues=tuple(Issue(**issue) for issue in result.get("issues", ())),
        facts=facts,
        lines=_plan(facts) if dry_run else _lines(facts, out),
        dry_run=dry_run,
    )


def _lines(result: Mapping[str, Any], out: Path) -> tuple[str, ...]:
    if result["lora"] is None:
        return ("stopped before the first step; nothing was saved",)
    # a score begins with the train.toml; with another program's file there may be none
    next_step = f"see what it learned: dataprep score {out}"
    return (
        f"{result['steps']} steps, loss {result['loss_first']:.4f} → {result['loss_last']:.4f}",
        f"LoRA: {result['lora']}",
        *([next_step] if (out / TRAIN_FILE).is_file() else []),
    )


def _plan(result: Mapping[str, Any]) -> tuple[str, ...]:
    folders = (f"{name}: {facts['images']}" for name, facts in result["folders"].items())
    regular = f" and {result['reg_images']} of regularization" if result["reg_images"] else ""
    buckets = (f"{b['width']}×{b['height']}: {b['uses']}" for b in result["buckets"])
    memory = result["memory"]
    return (
        f"{result['images']} pictures{regular} ({', '.join(folders)})",
        f"buckets, with repeats: {', '.join(buckets)}",
        _length(result["steps_per_epoch"], result["epochs"], result["steps"]),
        *([f"memory: about {memory['total_mb'] / 1000:.1f} GB"] if memory else []),
    )


def _length(per_epoch: int, epochs: int, steps: int) -> str:
    """How long a run is; ``max_train_steps`` may end it within an epoch."""
    if steps == per_epoch * epochs:
        return f"{per_epoch} steps × {epochs} epochs = {steps} steps"
    return f"{steps} steps, {per_epoch} an epoch"
