"""How the room Import draws its lists and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from textual.content import Content

from dataprep.paths import at_home
from tui.state import Project
from tui.widgets.lines import Cell, Column, fitted
from tui.words import N_, _, n_

if TYPE_CHECKING:
    from dataprep.inventory import Holding, Origin

MEGABYTE = 1_000_000
NARROW = 80
"""Below this width (columns) the formats are cut short."""


def folders(width: int) -> list[Column]:
    """What is said of each folder."""
    return [
        Column(N_("Folder")),
        Column(N_("Pictures"), 8, "right"),
        Column(N_("Formats"), 14 if width < NARROW else 30),
        Column(N_("Sizes"), 19),
    ]


def origins() -> list[Column]:
    """What is said of each place that pictures came from."""
    return [
        Column(N_("Folder, archive or video")),
        Column(N_("Pictures"), 8, "right"),
        Column(N_("Last"), 16),
    ]


def unreadable(names: Iterable[str], width: int) -> list[Column]:
    """What is said of each picture that cannot be read."""
    return [
        Column(N_("Picture"), fitted(list(names), 12, max(12, width // 2))),
        Column(N_("Reason")),
    ]


def origin_cells(origin: Origin) -> Sequence[Cell]:
    """One place that pictures came from."""
    at = origin.at[:16].replace("T", " ")
    return at_home(Path(origin.source)), str(origin.pictures), Text(at, "dim")


def edit_name(names: list[str]) -> str:
    """What the journal calls the rejection of these."""
    what = names[0] if len(names) == 1 else f"{len(names)} pictures"
    return f"reject {what} (unreadable)"


def total(held: Holding, project: Project) -> Content:
    """All that the project holds, in one line."""
    if not project.loaded:
        return Content("…")
    if not project.rows:
        return Content("")
    parts = [n_("{n} picture", "{n} pictures", held.pictures), megabytes(held.bytes)]
    if held.pictures:
        parts.append(_("{smallest} to {largest}").format(
            smallest=size(held.smallest), largest=size(held.largest)))  # fmt: skip
    said = " · ".join(parts)
    bad = n_("{n} cannot be read", "{n} cannot be read", held.unreadable) if held.unreadable else ""
    return Content.assemble((said, "bold"), (f" · {bad}" if bad else "", "$text-error"))


def holding_cells(held: Holding) -> Sequence[Cell]:
    """One folder."""
    formats = ", ".join(f"{name} {count}" for name, count in held.formats)
    sizes = size(held.smallest) if held.pictures else ""
    if held.largest != held.smallest:
        sizes += f"–{size(held.largest)}"
    name = _("(at the top)") if held.folder == "." else held.folder
    count = Text(str(held.pictures))
    if held.unreadable:
        count = Text.assemble((f"!{held.unreadable} ", "bold"), count)
    return name, count, Text(formats, "dim"), sizes


def size(pixels: tuple[int, int]) -> str:
    """Width × height."""
    return f"{pixels[0]}×{pixels[1]}"


def megabytes(number: int) -> str:
    """Bytes as people say them."""
    large = number / MEGABYTE
    return f"{large / 1000:.1f} GB" if large >= 1000 else f"{large:.1f} MB"


def nothing(part: str, empty: bool) -> str:
    """What stands where a list is empty."""
    if empty:
        return _(
            "No pictures here yet.\n\n"
            "Type or paste a folder, a zip, a tar, a video or a pattern above and press enter; "
            "or press esc and b to look for one.\n\n"
            "Nothing is moved: pictures are copied with their captions, and the project "
            "remembers where each came from."
        )
    if part == "origins":
        return _("All pictures were in the folder from the start; none was imported.")
    return _("Every picture can be read.")
