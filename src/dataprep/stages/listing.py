"""``dataprep list``: which pictures there are, or which of them a filter holds for."""

from __future__ import annotations

from typing import Any

from dataprep.columns import padded, printable, wide
from dataprep.dataset import Dataset
from dataprep.jobs import Job
from dataprep.report import Report
from dataprep.settings import Selected as Base
from dataprep.stages.scan import refresh
from dataprep.subjects import Facts, Seen


class Settings(Base):
    """What is said of each picture."""

    long: bool = False
    """Beside the names: size, format, verdict and caption."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """A name a line, for people and pipes; rejected and unreadable pictures are among them."""
    issues = yield from refresh(dataset, settings)
    subjects = Facts(dataset).subjects()
    names = [subject.name for subject in subjects]
    return Report(
        "list",
        done=len(names),
        issues=tuple(issues),
        facts={"names": names}
        | ({"pictures": list(map(_facts, subjects))} if settings.long else {}),
        lines=tuple(_table(subjects) if settings.long else names),
    )


def _facts(subject: Seen) -> dict[str, Any]:
    picture = subject.picture
    return {
        "name": subject.name,
        "width": picture.width,
        "height": picture.height,
        "format": subject.format,
        "verdict": subject.verdict,
        "caption": subject.text,
    }


def _table(subjects: list[Seen]) -> list[str]:
    width = max((wide(printable(subject.name)) for subject in subjects), default=0)
    return [_line(subject, width) for subject in subjects]


def _line(subject: Seen, width: int) -> str:
    picture = subject.picture
    size = f"{picture.width}×{picture.height}"
    name = padded(printable(subject.name), width)
    caption = " ".join(subject.text.split())
    line = f"{name}  {size:>11}  {subject.format:<5}  {subject.verdict:<9}  {printable(caption)}"
    return line.rstrip()
