"""One command from its arguments to its exit code: settings, job, progress, report."""

from __future__ import annotations

import gc
import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

from dataprep.cli.arguments import flags_of, parser_for
from dataprep.cli.show import Shower, show_report
from dataprep.dataset import Dataset
from dataprep.jobs import Job, finish
from dataprep.report import Issue, Report
from dataprep.settings import Settings, build, for_stage
from dataprep.stages import Stage

COLLECTING = (200_000, 50, 100)
"""How many objects more before Python looks for circles among the young, and so on."""


def run_stage(stage: Stage, arguments: list[str]) -> int:
    """Run a stage from the command line and return the exit code."""
    # millions of tags live to the end of a command; to look for circles among them again and
    # again takes a fifth of its time
    gc.set_threshold(*COLLECTING)
    model, function = stage.load()
    namespace = parser_for(stage, model).parse_args(arguments)
    flags = flags_of(model, namespace)
    dry_run = bool(getattr(namespace, "dry_run", False))
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    if stage.opens:
        report = _on_dataset(stage, model, function, namespace.target, flags, dry_run)
    else:
        settings = build(model, flags, f"dataprep {stage.verb}")
        options = {"dry_run": True} if dry_run else {}
        report = _driven(stage, function(namespace.target, settings, **options))
    if namespace.json:
        print(json.dumps(report.to_json(), ensure_ascii=False))
    else:
        show_report(report)
    return report.exit_code


def _on_dataset(
    stage: Stage, model: type[Settings], function: Any, root: Path, flags: dict[str, Any], dry: bool
) -> Report:
    with Dataset.open(root, dry_run=dry) as dataset:
        settings = for_stage(model, stage.verb, dataset.root, flags)
        report = _driven(stage, function(dataset, settings))
        return replace(report, issues=(*report.issues, *_left_alone(dataset)))


def _left_alone(dataset: Dataset) -> list[Issue]:
    reason = "another program changed its caption meanwhile; that stays"
    return [Issue(name, "changed meanwhile", reason) for name in dataset.left_alone]


def _driven(stage: Stage, job: Job[Report]) -> Report:
    with Shower(stage.verb) as shower:
        return finish(job, shower)


def _as_ctrl_c(*_: object) -> None:
    """A polite kill ends like Ctrl-C: the job is closed and cleans up."""
    raise KeyboardInterrupt
