"""What may be wrong with a project or a training folder, found by name."""

from __future__ import annotations

from dataprep.check import project
from dataprep.check.kinds import KINDS
from dataprep.check.settings import Settings, known_kind
from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.jobs import Job
from dataprep.settings import for_stage

__all__ = ["KINDS", "found"]


def found(dataset: Dataset, kind: str) -> Job[list[str]]:
    """The names of the pictures with a finding of one kind, in a project that was refreshed.

    The limits are those of the recipe's [check] table. Raises ``UsageError`` for an unknown kind.
    """
    try:
        known_kind(kind)
    except ValueError as error:
        raise UsageError(f"'{kind}': {error}") from None
    settings = for_stage(Settings, "check", dataset.root, {"only": kind})
    judged = yield from project.judge(dataset, settings)
    files = {hit.file for hit in judged.hits if hit.kind == kind}
    return [picture.name for picture in dataset.pictures() if picture.name in files]
