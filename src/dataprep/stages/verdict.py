"""``dataprep verdict``: keep, reject or leave open, for pictures by name or by what is wrong."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from dataprep import check, verdicts
from dataprep.check.settings import known_kind
from dataprep.dataset import Dataset
from dataprep.jobs import Job, Progress
from dataprep.report import Issue, Report
from dataprep.selection import named
from dataprep.settings import Selected as Base
from dataprep.stages.scan import refresh
from dataprep.store import Picture

SHOWN = 40
"""Pictures that are listed for people."""


class Settings(Base):
    """Which verdict, on which pictures, and why."""

    verdict: Literal["keep", "reject", "undecided"] = Field(json_schema_extra={"positional": True})
    """keep, reject or undecided; a rejected picture is left out, its file stays."""
    names: tuple[str, ...] = ()
    """Pictures by name; * and ? stand for anything: "a.png, b*.png"."""
    found: Annotated[str, AfterValidator(known_kind)] = ""
    """Pictures of which `dataprep check` finds this, such as blurred; with names: of those."""
    why: str = ""
    """The reason, for later; if empty, what was found, or the filter."""

    @model_validator(mode="after")
    def _says_which(self) -> Settings:
        if not (self.names or self.found or self.where):
            raise ValueError('give --names "a.png, b*.png", --found KIND or --where FILTER')
        return self


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Set the verdict on the chosen pictures, as one edit."""
    issues = yield from refresh(dataset, settings)
    pictures = yield from _chosen(dataset, settings)
    yield Progress(0, len(pictures), settings.verdict)
    changes = [
        change
        for picture in pictures
        for change in verdicts.changes(
            dataset, picture.name, settings.verdict, settings.why or _what(settings)
        )
        if not change.is_noop
    ]
    changed = sorted({change.name for change in changes})
    made = dataset.edit(verdicts.title(settings.verdict, changed, _what(settings)), changes)
    return Report(
        "verdict",
        done=len(changed),
        unchanged=len(pictures) - len(changed),
        issues=tuple(_open_issues(issues, pictures, settings)),
        changes=made,
        facts={"verdict": settings.verdict, "names": [picture.name for picture in pictures]},
        lines=_lines(changed, len(pictures), settings),
        dry_run=dataset.dry_run,
    )


def _chosen(dataset: Dataset, settings: Settings) -> Job[list[Picture]]:
    """The pictures meant, also unreadable and rejected ones. Raises ``UsageError``."""
    chosen = named(dataset, dataset.pictures(), settings.names)
    if not settings.found:
        return chosen
    found = set((yield from check.found(dataset, settings.found)))
    return [picture for picture in chosen if picture.name in found]


def _open_issues(issues: list[Issue], pictures: list[Picture], settings: Settings) -> list[Issue]:
    """What still has to be said: nothing of a picture that was just rejected."""
    gone = {p.name for p in pictures} if settings.verdict == "reject" else set()
    return [issue for issue in issues if issue.file not in gone]


def _what(settings: Settings) -> str:
    """By what else than their names the pictures were chosen."""
    return ", ".join(part for part in (settings.found, settings.where) if part)


def _lines(names: list[str], chosen: int, settings: Settings) -> tuple[str, ...]:
    """The pictures whose verdict changed, then the sum."""
    if not chosen:
        is_so = f"no such picture is {settings.found}" if settings.found else "no picture is meant"
        return (f"nothing to do: {is_so}",)
    shown = [f"{settings.verdict:<9}  {name}" for name in names[:SHOWN]]
    if len(names) > SHOWN:
        shown.append(f"… and {len(names) - SHOWN} more")
    already = f"; {chosen - len(names)} were so already" if chosen > len(names) else ""
    return (*shown, f"{settings.verdict}: {len(names)} of {chosen} chosen pictures{already}")
