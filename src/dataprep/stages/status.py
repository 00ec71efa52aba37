"""``dataprep status``: how far the work on a project is, and what comes next."""

from __future__ import annotations

from dataprep.dataset import Dataset
from dataprep.images import BadImage
from dataprep.jobs import Job
from dataprep.report import Report
from dataprep.settings import Settings as Base
from dataprep.stages.scan import refresh
from dataprep.standing import Standing, next_of, standing
from dataprep.store import Picture


class Settings(Base):
    """Nothing to set here."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Say of each kind of work how far it is, as the rail of the screens does."""
    issues = yield from refresh(dataset)
    decisions = dataset.decisions()
    pictures = dataset.pictures()
    captions = {picture.name: _caption(dataset, picture) for picture in pictures}
    found = standing(dataset, pictures, decisions, captions)
    following = next_of(found)
    lines = [_line(name, one, name == following) for name, one in found.items()]
    return Report(
        "status",
        done=sum(one.state == "done" for one in found.values()),
        issues=tuple(issues),
        facts={"rooms": {name: one.to_json() for name, one in found.items()}, "next": following},
        lines=tuple(lines),
    )


def _caption(dataset: Dataset, picture: Picture) -> str:
    try:
        return dataset.caption(picture.name) or ""
    except BadImage:
        return ""


def _line(name: str, one: Standing, is_next: bool) -> str:
    counts = f"{one.done} of {one.total}" if one.total else ""
    words = [
        f"{name:>10}  {one.state:5}  {counts:>14}",
        f"{one.problems} to look at" if one.problems else "",
        "next" if is_next else "",
    ]
    return "  ".join(words).rstrip()
