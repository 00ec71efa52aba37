"""What a run will come to: the sum of its steps, its buckets, memory and time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from dataprep.columns import wide
from tui.widgets.job_bar import clock
from tui.words import _, n_

if TYPE_CHECKING:
    from dataprep.training_plan import Outlook

GB = 1000.0
"""Megabytes."""


class PlanView(Static):
    """Draws an outlook in a few lines; while a newer one is made, the old one fainter."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id, markup=False)
        self._outlook: Outlook | None = None
        self._remark = ""
        self._is_error = False

    def show(self, outlook: Outlook | None, remark: str = "", *, is_error: bool = False) -> None:
        """Draw this; ``remark`` is what else must be said."""
        self._outlook, self._remark, self._is_error = outlook, remark, is_error
        self._draw()

    def on_resize(self, event: Resize) -> None:
        """Draw in the new width."""
        self._draw()

    def on_show(self) -> None:
        """Draw again: while it was hidden it had no width, and its size is as before."""
        self._draw()

    def _draw(self) -> None:
        width = max(20, self.content_size.width)
        lines = []
        if self._outlook is not None:
            lines.append(equation(self._outlook))
            if self._outlook.regular[0] or len(self._outlook.folders) > 1:
                told = _folder_line(self._outlook, width)
                lines.append(Content.assemble((told, "$text-muted")))
            lines.append(Content.assemble((_bucket_line(self._outlook.uses, width), "$text-muted")))
            lines.append(_cost(self._outlook))
        if self._remark:
            lines.append(
                Content.styled(self._remark, "$text-error" if self._is_error else "$text-warning")
            )
        self.update(Content("\n").join(lines))


def equation(outlook: Outlook) -> Content:
    """Pictures × repeats × epochs ÷ batch = steps, as a person would write it."""
    folders = outlook.folders
    reg_uses = outlook.regular[1]
    if len(folders) == 1 and not reg_uses:
        images, repeats = folders[0]
        first = _("{pictures} × {repeats}").format(
            pictures=n_("{n} picture", "{n} pictures", images),
            repeats=n_("{n} repeat", "{n} repeats", repeats),
        )
    else:
        sums = " + ".join(f"{images}×{repeats}" for images, repeats in folders)
        # they are used as often as the others, however many there are
        more = " + " + _("{n} regularization").format(n=reg_uses) if reg_uses else ""
        first = f"({sums}{more})"
    # a number of steps that was asked for is no product
    if outlook.epochs is None:
        said = _("{pictures}, batch {batch}:").format(pictures=first, batch=outlook.batch) + " "
    else:
        epochs = n_("{n} epoch", "{n} epochs", outlook.epochs)
        a_step = str(outlook.batch)
        if outlook.accumulated > 1:
            a_step = f"({outlook.batch} × {outlook.accumulated})"
        said = f"{first} × {epochs} ÷ {a_step} = "
    steps = n_("{n} step", "{n} steps", outlook.steps)
    return Content.assemble(said, (steps, "bold $primary"))


def _folder_line(outlook: Outlook, width: int) -> str:
    """Where the pictures of the sum lie; as many folders as there is room for."""
    end, images = "", outlook.regular[0]
    if images:
        pictures = n_("{n} picture", "{n} pictures", images)
        end = "  " + _("regularization: {pictures}").format(pictures=pictures)
    line = ""
    for place, (name, (count, repeats)) in enumerate(
        zip(outlook.names, outlook.folders, strict=False)
    ):
        left = len(outlook.folders) - place
        more = f"  +{left}" if left > 1 else ""
        part = f"{'  ' * bool(line)}{name} {count}×{repeats}"
        if line and wide(line) + wide(part) + wide(more) + wide(end) > width:
            return f"{line}  +{left}{end}"
        line += part
    return (line + end).strip()


def _bucket_line(uses: Mapping[str, int], width: int) -> str:
    """As many buckets as there is room for, the fullest first."""
    ranked = sorted(uses, key=lambda size: -uses[size])
    line = n_("{n} bucket:", "{n} buckets:", len(ranked))
    for place, size in enumerate(ranked):
        left = len(ranked) - place
        more = f"  +{left}" if left > 1 else ""
        part = f"  {size} ({uses[size]})"
        if wide(line) + wide(part) + wide(more) > width:
            return f"{line}  +{left}"
        line += part
    return line


def _cost(outlook: Outlook) -> Content:
    return Content.assemble(memory_words(outlook), "   ", time_words(outlook))


def memory_words(outlook: Outlook) -> str:
    """The memory of a run."""
    if outlook.memory_mb is None:
        return _("memory: not known yet")
    size = f"{outlook.memory_mb / GB:.1f} GB"
    if outlook.is_measured:
        return _("memory {size}, as last time").format(size=size)
    return _("memory about {size}").format(size=size)


def time_words(outlook: Outlook) -> str:
    """The time of a run."""
    if outlook.seconds is None:
        return _("time: known after the first run")
    return _("time about {time}").format(time=clock(outlook.seconds))
