"""The report of a training run, from the trainer's own result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
    return (
        f"{result['steps']} steps, loss {result['loss_first']:.4f} → {result['loss_last']:.4f}",
        f"LoRA: {result['lora']}",
        f"see what it learned: dataprep score {out}",
    )


def _plan(result: Mapping[str, Any]) -> tuple[str, ...]:
    folders = (f"{name}: {facts['images']} pictures" for name, facts in result["folders"].items())
    buckets = (f"{b['width']}×{b['height']}: {b['uses']}" for b in result["buckets"])
    return (
        f"{result['images']} pictures ({', '.join(folders)})",
        f"buckets, with repeats: {', '.join(buckets)}",
        f"{result['steps_per_epoch']} steps × {result['epochs']} epochs = {result['steps']} steps",
    )
