"""``dataprep check``: judge a project, or any kohya training folder, and say what mends it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dataprep.check import project, training
from dataprep.check.findings import Finding, Hit, Judged, gather
from dataprep.check.folders import is_training
from dataprep.check.kinds import Where
from dataprep.check.settings import Settings
from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.homes import STATE_FOLDER
from dataprep.jobs import Job
from dataprep.report import Issue, Report
from dataprep.settings import for_stage
from dataprep.stages.scan import refresh
from dataprep.tokens import how_to_place

__all__ = ["Settings", "run"]

DOUBT = 2
"""A word is at most about so many tokens on average."""


def run(target: Path, settings: Settings) -> Job[Report]:
    """Judge a folder; the exit code is 1 when something makes training fail or loses data.

    A training folder is only read. A folder that nobody prepared for a trainer is a project.
    """
    if not target.is_dir():
        raise UsageError(f"{target}: no such folder", "give a project, or a training folder")
    where = _where(target, settings)
    remarks: list[Issue] = []
    if where == "training":
        if settings.where:
            hint = "leave --where out, or give --treat-as project"
            raise UsageError(
                f"{target}: filters are for projects, and this is a training folder", hint
            )
        # a relative name such as "." has no parent to point to
        judged = yield from training.judge(target.resolve(), settings)
    else:
        judged, remarks = yield from _project(target, settings)
    hits = [hit for hit in judged.hits if settings.only in {"", hit.kind}]
    return _report(gather(hits, where, target), where, judged, settings.only, remarks)


def _project(target: Path, settings: Settings) -> Job[tuple[Judged, list[Issue]]]:
    """What is wrong with the pictures that are meant, and what to say of the filter."""
    with Dataset.open(target) as dataset:
        given = settings.model_dump(exclude_unset=True)
        settings = for_stage(Settings, "check", dataset.root, given)
        issues = yield from refresh(dataset, settings)
        judged = yield from project.judge(dataset, settings)
        # what belongs to no picture is outside of every filter
        only = dataset.only
        hits = [hit for hit in judged.hits if only is None or not hit.file or hit.file in only]
        # those of files are among the hits
        return replace(judged, hits=tuple(hits)), [issue for issue in issues if not issue.file]


def _where(target: Path, settings: Settings) -> Where:
    if settings.treat_as != "auto":
        return settings.treat_as
    if (target / STATE_FOLDER).is_dir():
        return "project"
    return "training" if is_training(target.resolve()) else "project"


def _report(
    findings: list[Finding], where: Where, judged: Judged, only: str, remarks: list[Issue]
) -> Report:
    listed = [finding for finding in findings if only or finding.fatal]
    return Report(
        "check",
        done=judged.pictures,
        issues=(*(_issue(finding, hit) for finding in listed for hit in finding.hits), *remarks),
        facts={
            "kind": where,
            "pictures": judged.pictures,
            "counts": {finding.kind.name: len(finding.hits) for finding in findings},
            "findings": [_plain(finding) for finding in findings],
            "tokenizer": str(judged.tokens.source) if judged.tokens.source else None,
        },
        lines=(*_lines(findings, where, judged.pictures, only), *_on_tokens(judged, only)),
    )


def _issue(finding: Finding, hit: Hit) -> Issue:
    reason = hit.detail or finding.kind.why
    return Issue(hit.file, finding.kind.name, reason, fatal=finding.fatal)


def _plain(finding: Finding) -> dict[str, object]:
    return {
        "name": finding.kind.name,
        "why": finding.kind.why,
        "fix": finding.fix,
        "fatal": finding.fatal,
        "files": [{"file": hit.file, "detail": hit.detail} for hit in finding.hits],
    }


def _lines(findings: list[Finding], where: Where, pictures: int, only: str) -> list[str]:
    called = "training folder" if where == "training" else "project"
    if not findings:
        return [f"{called} of {pictures} pictures: nothing {f'is {only}' if only else 'to mend'}"]
    more = "" if only else " (the files of one kind: --only NAME)"
    lines = [f"{called} of {pictures} pictures{more}:"]
    for finding in findings:
        mark = "!" if finding.fatal else " "
        lines.append(f"{mark}{len(finding.hits):>6} {finding.kind.name:<18} {finding.kind.why}")
        lines.append(f"{'':26} → {finding.fix}")
    return lines


def _on_tokens(judged: Judged, only: str) -> list[str]:
    """A line when captions might be too long, but could not be counted exactly."""
    doubtful = judged.tokens.source is None and judged.longest * DOUBT > judged.budget
    if not doubtful or only not in {"", "long-caption"}:
        return []
    return [
        f"the longest caption has at least {judged.longest} tokens (no CLIP tokenizer on this "
        f"machine; to count exactly, {how_to_place()})"
    ]
