"""A training run as it goes on: how far, how fast, two curves, the newest samples, the log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from PIL import Image, UnidentifiedImageError
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from tui.pictures import Drawing
from tui.widgets.curve import Curve, Series
from tui.widgets.job_bar import clock
from tui.words import N_, _, n_

if TYPE_CHECKING:
    from dataprep.runs import History, Reading, Sample, Wish
    from tui.run_watch import Seen

BAR_WIDTHS = (20, 40)
WIDE = 80
LOG_LINES, LOG_LINES_LOW = 4, 2
HIGH = 26
"""From so many lines on there is room for more of the log."""
STATES = {
    "running": (N_("training"), "$success"),
    "paused": (N_("paused"), "$warning"),
    "finished": (N_("finished"), "$success"),
    "stopped": (N_("stopped"), "$warning"),
    "failed": (N_("failed"), "$error"),
    "lost": (N_("killed"), "$error"),
}
PHASES = {
    "loading": N_("loading"),
    "latents": N_("encoding pictures"),
    "training": N_("training"),
}


class RunView(Vertical, can_focus=True):
    """Draws one run. Its keys are wishes to the trainer, which it says in messages."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "wish('pause')", N_("Pause"), id="train.pause"),
        Binding("p", "wish('continue')", N_("Go on"), id="train.continue"),
        Binding("w", "wish('save')", N_("Save now"), id="train.save"),
        Binding("m", "wish('sample')", N_("Make samples"), id="train.sample"),
        Binding("X,ctrl+x", "wish('stop')", N_("Stop training"), show=False, id="train.stop"),
        Binding("l", "log", N_("Large log"), show=False, id="train.log"),
        Binding("o", "logarithmic", N_("Logarithmic loss"), show=False, id="train.scale"),
        Binding("left_square_bracket", "sample(-1)", N_("Sample before"), show=False),
        Binding("right_square_bracket", "sample(1)", N_("Next sample"), show=False),
    ]

    class Wished(Message):
        """The person wants something of the trainer."""

        def __init__(self, wish: Wish) -> None:
            super().__init__()
            self.wish = wish

    class Decoded(Message):
        """A sample is ready to be drawn; None when it cannot be."""

        def __init__(self, path: str, image: Image.Image | None) -> None:
            super().__init__()
            self.path = path
            self.image = image

    def __init__(self, drawing: Drawing, id: str) -> None:
        super().__init__(id=id)
        self._drawing = drawing
        self._seen: Seen | None = None
        self._place: int | None = None
        """Which sample is shown; None: the newest, as it comes."""
        self._shown = ""
        """The path of the sample that is drawn, or being decoded."""
        self._large_log = False

    def compose(self) -> ComposeResult:
        """Head, curves beside the sample, log."""
        yield Static(id="run-head", markup=False)
        with Horizontal(id="run-middle"):
            with Vertical(id="run-curves"):
                yield Curve(N_("loss"), id="run-loss")
                yield Curve(N_("learning rate"), id="run-lr", zero=True)
            with Vertical(id="run-samples"):
                with Container(id="run-canvas"):
                    yield self._drawing.widget()
                yield Static(id="run-prompt", markup=False)
        yield Static(id="run-log", markup=False)

    def on_mount(self) -> None:
        """There is no sample yet."""
        self.query_one("#run-samples").display = False

    def show(self, seen: Seen) -> None:
        """Draw this run as it is now."""
        if self._seen is not None and self._seen.id != seen.id:
            self._place, self._shown = None, ""
        self._seen = seen
        self._draw()

    def on_resize(self, event: Resize) -> None:
        """Draw in the new size."""
        self._shown = ""
        if self._seen is not None:
            self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        seen = self._seen
        if seen is None:
            return
        reading = seen.reading
        above = self.query_one("#run-head", Static)
        above.update(head(seen, self.size.width))
        # an error is read to its end, a note need not be
        above.set_class(seen.alive, "-going")
        loss, rate = curves(reading.history)
        end = float(reading.training.total) if reading.training and reading.training.total else None
        self.query_one("#run-loss", Curve).show(loss, end)
        self.query_one("#run-lr", Curve).show(rate, end)
        self._draw_log(seen)
        self._draw_sample(reading.samples)
        self.screen.refresh_bindings()

    def _draw_log(self, seen: Seen) -> None:
        large = self._large_log or not seen.reading.history.step
        self.query_one("#run-middle").display = not large
        room = self.size.height - 4 if large else LOG_LINES_LOW
        if not large and (self.size.height >= HIGH or seen.reading.error):
            room = LOG_LINES
        lines = [line.replace("\t", " ") for line in seen.log[-max(1, room) :]]
        self.query_one("#run-log", Static).update(Content.styled("\n".join(lines), "$text-muted"))

    # samples

    def _draw_sample(self, samples: Sequence[Sample]) -> None:
        self.query_one("#run-samples").display = bool(samples)
        if not samples:
            return
        place = len(samples) - 1 if self._place is None else min(self._place, len(samples) - 1)
        sample = samples[place]
        said = _("step {step}  {place}/{number}").format(
            step=sample.step, place=place + 1, number=len(samples)
        )
        self.query_one("#run-prompt", Static).update(
            Content.assemble((said, "bold"), "\n", (sample.prompt, "$text-muted"))
        )
        if sample.path != self._shown:
            self._shown = sample.path
            self.call_after_refresh(self._decode_now)

    def _decode_now(self) -> None:
        canvas = self.query_one("#run-canvas").content_size
        across, down = self._drawing.detail
        if self._shown and canvas.width and canvas.height:
            self._decode(self._shown, (canvas.width * across, canvas.height * down))

    @work(thread=True, exclusive=True, group="sample", exit_on_error=False)
    def _decode(self, path: str, box: tuple[int, int]) -> None:
        worker = get_current_worker()
        image: Image.Image | None
        try:
            with Image.open(path) as opened:
                image = opened.convert("RGB")
            image.thumbnail(box)
        except (OSError, UnidentifiedImageError):
            image = None  # it may have been cleared away since
        if not worker.is_cancelled:
            self.post_message(self.Decoded(path, image))

    @on(Decoded)
    def _decoded(self, event: Decoded) -> None:
        event.stop()
        canvas = self.query_one("#run-canvas")
        if event.path != self._shown or not canvas.children:
            return
        picture: Any = canvas.children[0]
        picture.display = event.image is not None
        if event.image is not None:
            size = canvas.content_size
            width, height = self._drawing.fit(event.image, size.width, size.height)
            picture.styles.width, picture.styles.height = width, height
            picture.image = event.image

    # keys

    def action_wish(self, wish: Wish) -> None:
        """Say what the person wants of the trainer."""
        self.post_message(self.Wished(wish))

    def action_log(self) -> None:
        """Show more of the log, or the curves again."""
        self._large_log = not self._large_log
        self._draw()

    def action_logarithmic(self) -> None:
        """Switch the loss between a plain and a logarithmic scale."""
        self.query_one("#run-loss", Curve).toggle_logarithmic()

    def action_sample(self, by: int) -> None:
        """Show another sample; behind the last, the newest as it comes."""
        samples = self._seen.reading.samples if self._seen else ()
        if samples:
            place = (len(samples) - 1 if self._place is None else self._place) + by
            self._place = None if place >= len(samples) - 1 else max(0, place)
            self._draw_sample(samples)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Wishes only to a run that can hear them."""
        if action != "wish":
            return True
        state = self._seen.reading.state if self._seen else ""
        if parameters == ("continue",):
            return state == "paused"
        if parameters == ("pause",):
            return state == "running"
        return state in ("running", "paused")


def head(seen: Seen, width: int) -> Content:
    """How far and how fast, or what became of it."""
    return _going(seen, width) if seen.alive else _over(seen)


def curves(history: History) -> tuple[list[Series], list[Series]]:
    """The two curves of a run: its losses, and its learning rates."""
    loss = [
        Series(tuple(zip(history.step, history.loss, strict=True)), strong=False),
        Series(tuple(zip(history.step, history.loss_average, strict=True))),
    ]
    rates = [
        Series(tuple(zip(history.step, history.lr_text_encoder, strict=True)), strong=False),
        Series(tuple(zip(history.step, history.lr, strict=True))),
    ]
    return loss, rates


def _going(seen: Seen, width: int) -> Content:
    reading = seen.reading
    title, style = STATES[reading.state]
    progress = reading.progress
    if progress is None:
        return Content.assemble((_(title), f"bold {style}"), " …")
    if reading.training is None or progress.stage in ("loading", "latents"):
        title = PHASES.get(progress.stage, title)
    bar = BAR_WIDTHS[width >= WIDE]
    parts: list[Content | str | tuple[str, str]] = [(_(title), f"bold {style}"), "  "]
    if progress.total:
        full = min(bar, bar * progress.done // progress.total)
        parts += [("━" * full, "$primary"), ("─" * (bar - full), "$text-muted")]
        share = 100 * progress.done // progress.total
        parts += [f"  {progress.done}/{progress.total}  ", (f"{share}%", "bold")]
    parts += ["  ", (progress.note, "$text-muted"), "\n", ("  ".join(_facts(seen)), "")]
    return Content.assemble(*parts)


def _facts(seen: Seen) -> list[str]:
    training = seen.reading.training
    facts = training.facts if training is not None else {}
    said = []
    if facts.get("it_per_s"):
        said.append(_("{speed} it/s").format(speed=f"{facts['it_per_s']:.2f}"))
    said.append(_("{time} gone").format(time=clock(seen.seconds)))
    if (left := facts.get("time_left_s")) is not None:
        said.append(_("{time} left").format(time=clock(left)))
    if facts.get("memory_mb"):
        said.append(f"{facts['memory_mb'] / 1000:.1f} GB")
    if "loss" in facts:
        said.append(_("loss {loss}").format(loss=f"{facts['loss']:.4f}"))
    return said


def _over(seen: Seen) -> Content:
    reading = seen.reading
    title, style = STATES[reading.state]
    parts: list[Content | str | tuple[str, str]] = [(_(title), f"bold {style}"), "  "]
    if reading.error:
        return Content.assemble(*parts, (reading.error, "$text-error"))
    return Content.assemble(*parts, *_outcome(reading, seen.seconds))


def _outcome(reading: Reading, seconds: float) -> list[str | tuple[str, str]]:
    result = reading.result or {}
    said = [
        n_("{n} step", "{n} steps", int(result.get("steps", 0))),
        _("in {time}").format(time=clock(seconds)),
    ]
    if result.get("loss_first") is not None and result.get("loss_last") is not None:
        said.append(f"loss {result['loss_first']:.4f} → {result['loss_last']:.4f}")
    if not result.get("lora"):
        return ["  ".join(said), "\n", _("nothing was saved")]
    name = Path(str(result["lora"])).name
    files = n_("{n} file", "{n} files", max(1, len(reading.saved)))
    follow = ("  " + _("n: see which epoch to keep"), "$text-muted")
    return ["  ".join(said), "\n", (name, "bold"), f"  ({files})", follow]
