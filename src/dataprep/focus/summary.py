"""What cuts amount to: how many of which size, what they lose, what they enlarge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from dataprep.buckets import Bucket, Target
from dataprep.decisions import Crop
from dataprep.focus.cut import Cutter, enlargement, lost
from dataprep.report import Issue
from dataprep.store import Picture
from dataprep.target import title

LISTED = 6
"""So many sizes are named in a line."""
NOTICED = 1.005
"""An enlargement below this is a matter of rounding."""

Cuts = Mapping[Picture, Crop]


def sizes_of(cuts: Cuts) -> list[tuple[Bucket, int]]:
    """How often each size occurs, the most frequent first."""
    counts = Counter((crop.width, crop.height) for crop in cuts.values())
    return sorted(counts.items(), key=lambda row: (-row[1], row[0]))


def mean_lost(cuts: Cuts) -> float:
    """The mean share of their pixels that pictures lose, 0..1; 0 of none."""
    return sum(lost(picture, crop) for picture, crop in cuts.items()) / max(len(cuts), 1)


def sentence(cuts: Cuts) -> str:
    """Counts, sizes and loss in one line."""
    sizes = sizes_of(cuts)
    named = ", ".join(f"{count} at {w}×{h}" for (w, h), count in sizes[:LISTED])
    if len(sizes) > LISTED:
        rest = sum(count for _, count in sizes[LISTED:])
        named += f", {rest} at {len(sizes) - LISTED} other sizes"
    return f"{len(cuts)} pictures: {named}; {mean_lost(cuts):.0%} of their pixels are cut away"


def facts(cuts: Cuts) -> dict[str, Any]:
    """The same for machines."""
    return {
        "sizes": {f"{w}x{h}": count for (w, h), count in sizes_of(cuts)},
        "pixels_lost": round(mean_lost(cuts), 4),
        "enlarged": sum(enlargement(crop) > NOTICED for crop in cuts.values()),
    }


def enlarged(cuts: Cuts) -> list[Issue]:
    """A remark for every picture that is smaller than what is made of it."""
    return [
        Issue(picture.name, "small", reason(crop), fatal=False)
        for picture, crop in cuts.items()
        if enlargement(crop) > NOTICED
    ]


def reason(crop: Crop) -> str:
    """Why an enlarged cut is remarked upon."""
    return f"is enlarged {enlargement(crop):.2f}× to reach {crop.width}×{crop.height}"


def strangers(cuts: Cuts, project: Target) -> list[Issue]:
    """A remark for every cut at a size that the project's own sizes would not leave alone."""
    cutter = Cutter(project)
    issues = []
    for picture, crop in cuts.items():
        size = cutter.size(crop.width, crop.height)
        if size != (crop.width, crop.height):
            reason = (
                f"{crop.width}×{crop.height} is no size of the project's ({title(project)}): "
                f"the trainer would make it {size[0]}×{size[1]}"
            )
            issues.append(Issue(picture.name, "size", reason, fatal=False))
    return issues
