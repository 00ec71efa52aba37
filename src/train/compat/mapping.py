"""The one way from a text of another program to settings of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from train.compat import dataset, learning, network, reasons, rules, special
from train.compat.foreign import Foreign, Source
from train.compat.options import nearest
from train.compat.report import Left, MappingReport, Unknown
from train.compat.translation import Translation
from train.compat.values import shown

STEPS: tuple[Callable[[Translation], None], ...] = (
    dataset.apply,
    special.base_model,
    special.captions,
    special.concept,
    special.prompts,
    learning.length,
    learning.rates,
    learning.optimizer,
    learning.schedule,
    learning.seed,
    learning.saving,
    network.network,
    rules.apply,
    reasons.apply,
    rules.defaults,
)
"""What goes together first, then option by option, at last what the file leaves open."""


def translate(foreign: Foreign, source: Source) -> tuple[dict[str, Any], MappingReport]:
    """Values of ours and the report. Raises ``UsageError`` naming file, key and value.

    Paths are texts as they stand in the file; ``train.given`` places them.
    """
    sheet = Translation(foreign, source)
    for step in STEPS:
        step(sheet)
    empty = [Left(sheet.name(key), "empty") for key in foreign.options if key not in sheet.options]
    unknown = [sheet.name(key) for key in sheet.options if key not in sheet.done]
    report = MappingReport(
        source=foreign.source,
        mapped=tuple(sheet.mapped),
        ignored=(*sheet.ignored, *empty),
        refused=tuple(sheet.refused),
        unknown=tuple(Unknown(shown(name), nearest(name)) for name in (*unknown, *foreign.unknown)),
        encoding=source.encoding,
    )
    return sheet.values, report
