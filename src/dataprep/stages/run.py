"""``dataprep run``: the whole recipe of ``dataprep.toml``, stage by stage, without a screen."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.jobs import Job
from dataprep.report import Issue, Report
from dataprep.settings import RECIPE, build, check_names, for_stage, read_recipe
from dataprep.settings import Settings as Base
from dataprep.stages import STAGES

ORDER = (
    "dedupe",
    "background",
    "split",
    "crop",
    "tag",
    "retag",
    "caption",
    "clean",
    "prune",
    "trigger",
    "replace",
    "add",
    "sort",
    "move",
    "export",
    "train",
    "score",
)
"""Stages that are carried out when the recipe has their table, in this order; scan comes first.

The background comes before the cut, which may go by its masks: those are of whole pictures.
"""


class Settings(Base):
    """Nothing to set here: the recipe says it all."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Carry out every stage that has a table in the recipe. Done work is not done again."""
    recipe = read_recipe(dataset.root)
    check(dataset.root, recipe)
    reports: list[Report] = []
    seconds: dict[str, float] = {}
    for verb in ("scan", *(verb for verb in ORDER if verb in recipe)):
        started = time.perf_counter()
        reports.append((yield from _stage(dataset, verb, recipe)))
        seconds[verb] = round(time.perf_counter() - started, 2)
        if dataset.dry_run and verb == "export":
            break  # what was not exported cannot be trained on
    return _summary(reports, seconds, dataset.dry_run)


def check(root: Path, recipe: Mapping[str, Any]) -> None:
    """Find every slip in a recipe before the first stage runs, not an hour later."""
    if not recipe:
        raise UsageError(f"{root / RECIPE}: no such recipe", "README.md shows one to start from")
    for name in recipe:
        if name not in STAGES:
            raise UsageError(f"{RECIPE}: unknown table [{name}]", "known: " + ", ".join(STAGES))
    for verb in recipe:
        # the trainer reads its own
        if verb != "train":
            _check_table(root, verb, recipe[verb])
    if "export" not in recipe and ("train" in recipe or "score" in recipe):
        raise UsageError(f"{RECIPE}: [train] and [score] need an [export]", "add out and concept")


def _check_table(root: Path, verb: str, table: Mapping[str, Any]) -> None:
    model, _ = STAGES[verb].load()
    if verb in ORDER:
        for_stage(model, verb, root, {})
    else:
        # it is for the command of that name, whose arguments may complete it
        check_names(model, table, f"{RECIPE} [{verb}]")


def _stage(dataset: Dataset, verb: str, recipe: Mapping[str, Any]) -> Job[Report]:
    """One stage; its progress carries its name."""
    stage = STAGES[verb]
    model, function = stage.load()
    job: Job[Report]
    if stage.opens:
        job = function(dataset, for_stage(model, verb, dataset.root, {}))
    else:
        # the export wrote the [train] table into train.toml
        values = {} if verb == "train" else recipe[verb]
        out = dataset.root / recipe["export"]["out"]
        job = function(out, build(model, values, f"{RECIPE} [{verb}]"))
    return (yield from named(verb, job))


def named(verb: str, job: Job[Report]) -> Job[Report]:
    """The same job, each progress saying which stage speaks."""
    try:
        while True:
            yield replace(next(job), stage=verb)
    except StopIteration as end:
        report: Report = end.value
        return report
    finally:
        job.close()


def _summary(reports: list[Report], seconds: dict[str, float], dry_run: bool) -> Report:
    issues: dict[tuple[str, str], Issue] = {}
    for report in reports:
        issues |= {(issue.file, issue.reason): issue for issue in report.issues}
    facts = {report.stage: {**report.facts} for report in reports}
    return Report(
        "run",
        done=len(reports),
        issues=tuple(issues.values()),
        changes=tuple(change for report in reports for change in report.changes),
        facts={"stages": facts, "seconds": seconds},
        lines=tuple(f"{report.stage:>10}  {line}" for report in reports for line in report.lines),
        dry_run=dry_run,
    )
