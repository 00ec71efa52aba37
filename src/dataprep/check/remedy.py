"""What ``check`` found, read back from its report; and the commands it names, as stages."""

from __future__ import annotations

import shlex
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dataprep.errors import UsageError
from dataprep.stages import STAGES

PROGRAM = "dataprep"


@dataclass(frozen=True, slots=True)
class Remedy:
    """A stage that mends a finding."""

    verb: str
    values: Mapping[str, Any]
    """Its settings, as on the command line: texts, lists and switches."""


def remedy(fix: str) -> Remedy | None:
    """The stage in a finding's fix; None where a person has to do it by hand."""
    from dataprep.cli.arguments import flags_of, parser_for

    try:
        words = shlex.split(fix)
    except ValueError:
        return None
    if len(words) < 2 or words[0] != PROGRAM or words[1] not in STAGES:
        return None
    stage = STAGES[words[1]]
    model, _run = stage.load()
    try:
        namespace = parser_for(stage, model).parse_args(words[2:])
    except UsageError:
        return None  # several actions in one line, or one with more to say
    return Remedy(stage.verb, flags_of(model, namespace))


@dataclass(frozen=True, slots=True)
class Problem:
    """All files with a finding of one kind, as the report says it."""

    name: str
    why: str
    fix: str
    fatal: bool
    files: tuple[tuple[str, str], ...]
    """Each with what is said of it, perhaps nothing."""

    @property
    def remedy(self) -> Remedy | None:
        """The stage that mends it; None where a person has to."""
        return remedy(self.fix)

    def without(self, names: Container[str]) -> Problem:
        """The same, but for files that have been dealt with."""
        return replace(self, files=tuple(file for file in self.files if file[0] not in names))


def read_problems(facts: Mapping[str, Any]) -> list[Problem]:
    """The problems out of the facts of a report, as they are or come back from JSON."""
    return [
        Problem(
            finding["name"],
            finding["why"],
            finding["fix"],
            finding["fatal"],
            tuple((hit["file"], hit["detail"]) for hit in finding["files"]),
        )
        for finding in facts["findings"]
    ]
