"""``dataprep models``: which models are known, which are here, and how the others come here."""

from __future__ import annotations

from pathlib import Path

from dataprep.errors import DataprepError, UsageError
from dataprep.jobs import Job, Progress
from dataprep.report import Report
from dataprep.settings import Settings as Base
from dataprep.weights import fetch, is_offline
from dataprep.weights.catalogue import Row, by_hand, named, rows
from dataprep.weights.places import hub_cache, model_roots
from dataprep.weights.web import endpoint

ALL = "all"
"""Stands for every name."""


class Settings(Base):
    """What is done with the model that is named."""

    fetch: bool = False
    """Download it; what is here already is not fetched again."""
    offline: bool = False
    """Never touch the network."""


def run(target: Path, settings: Settings) -> Job[Report]:
    """List every model, or say of one where it lies and how to place it; perhaps fetch it."""
    name = target.as_posix()
    yield Progress(0, None, "looking")
    if name == ALL:
        if settings.fetch:
            raise UsageError("models: --fetch needs a name", "`dataprep models` lists them")
        return _report(known := rows(), _table(known))
    found = named(name)
    if settings.fetch:
        for row in found:
            if row.path is None:
                yield from _fetch(row, settings.offline)
        found = named(name)
    return _report(found, [line for row in found for line in _about(row)])


def _fetch(row: Row, offline: bool) -> Job[None]:
    if row.source is not None:
        yield from fetch(row.source, row.kind, offline=offline)
        return
    if is_offline(offline):
        raise DataprepError(
            f"{row.name} is not on this machine, and nothing is fetched while offline",
            ", ".join(by_hand(row)),
        )
    from dataprep.matting.source import read_matting, weights

    yield Progress(0, None, f"rembg fetches {row.name} into {row.target and row.target.parent}")
    weights(read_matting(row.name))


def _report(found: list[Row], lines: list[str]) -> Report:
    return Report(
        "models",
        done=sum(row.path is not None for row in found),
        facts={
            "models": [row.to_json() for row in found],
            "endpoint": endpoint(),
            "folders": [str(folder) for folder in (*model_roots(), hub_cache())],
        },
        lines=tuple(lines),
    )


def _table(known: list[Row]) -> list[str]:
    widths = [max(len(row.name) for row in known), max(len(row.place) for row in known)]
    lines = [
        f"{row.kind:<9}  {row.name:<{widths[0]}}  {row.place or '-':<{widths[1]}}  "
        f"{_size(row):>9}  {row.source.repository if row.source else ''}"
        for row in sorted(known, key=lambda row: row.kind)
    ]
    here = sum(row.path is not None for row in known)
    return [
        *(line.rstrip() for line in lines),
        f"{here} of {len(known)} are on this machine (-: not). `dataprep models NAME` says where "
        "one comes from, --fetch downloads it.",
    ]


def _about(row: Row) -> list[str]:
    if row.path is not None:
        return [f"{row.name} ({row.kind}): {row.path} ({row.place}, {_size(row)})"]
    size = f" ({_size(row)})" if row.megabytes else ""
    return [
        f"{row.name} ({row.kind}): not on this machine",
        f"`dataprep models {row.name} --fetch` downloads it{size}.",
        "For a machine without network:",
        *(f"  {line}" for line in by_hand(row)),
    ]


def _size(row: Row) -> str:
    return f"{row.megabytes:,} MB" if row.megabytes else ""
