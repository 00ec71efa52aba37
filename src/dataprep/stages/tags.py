"""``dataprep tags``: how often each tag appears."""

from __future__ import annotations

from pydantic import Field

from dataprep.captions import frequency
from dataprep.dataset import Dataset
from dataprep.jobs import Job
from dataprep.report import Report
from dataprep.settings import Selected as Base
from dataprep.stages.scan import refresh


class Settings(Base):
    """What is listed."""

    top: int = Field(default=0, ge=0)
    """How many tags to list; 0 lists all."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Count the tags of all usable pictures."""
    issues = yield from refresh(dataset, settings)
    captions = list(dataset.all_tags().values())
    rows = frequency(captions)
    shown = rows[: settings.top] if settings.top else rows
    width = max((len(tag) for tag, _ in shown), default=0)
    captioned = sum(bool(tags) for tags in captions)
    return Report(
        "tags",
        done=captioned,
        issues=tuple(issues),
        facts={"pictures": len(captions), "captioned": captioned, "tags": dict(shown)},
        lines=(
            f"{len(rows)} tags in {captioned} of {len(captions)} pictures",
            *(f"{tag:<{width}}  {n:>5}  {n / max(captioned, 1) * 100:4.0f} %" for tag, n in shown),
        ),
    )
