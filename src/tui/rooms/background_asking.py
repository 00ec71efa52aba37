"""What the Background room asks: which masks and models there are, and what the masks cover."""

from __future__ import annotations

from pathlib import Path

from textual import on, work
from textual.message import Message

from dataprep.dataset import Dataset
from dataprep.errors import DataprepError
from tui.rooms.background_view import BackgroundView
from tui.rooms.found_masks import Found, Shares, Todo, look, measure


class BackgroundAsking(BackgroundView):
    """Asks, and has drawn what was answered; what is done with keys is the room's."""

    class Looked(Message):
        """Where a model would be fetched to; None: it is here."""

        def __init__(self, model: str, target: Path | None, problem: str = "") -> None:
            super().__init__()
            self.model = model
            self.target = target
            self.problem = problem

    def _look(self) -> None:
        """Ask which masks of the model there are."""
        self._held.read()
        self._show_dials()
        self._problem = self._held.problem
        model, contract = str(self._held["model"]), self._held["contract"]

        def question(dataset: Dataset) -> Found:
            return look(dataset, model, contract)

        self.desk.ask("masks", question, self._seen, self._complain)

    def _seen(self, found: Found) -> None:
        self._found = found
        names = [name for name in found.usable if name in self.desk.project.rows]
        self._list.show(names, self._cells)
        model = str(self._held["model"])
        if len(found.files) < len(names) and model not in self._targets:
            self._look_for(model)
        self._say()
        self._measure()

    def _complain(self, message: str, hint: str) -> None:
        self._problem = message if not hint else f"{message} ({hint})"
        self._say()

    @work(thread=True, exclusive=True, group="models", exit_on_error=False)
    def _look_for(self, model: str) -> None:
        """Whether a model is here; rembg, which knows, takes a second to load."""
        from dataprep.matting import missing_weights, read_matting

        try:
            self.post_message(self.Looked(model, missing_weights(read_matting(model))))
        except (DataprepError, ImportError) as error:
            self.post_message(self.Looked(model, None, str(error)))

    @on(Looked)
    def _looked(self, event: Looked) -> None:
        event.stop()
        self._targets[event.model] = event.target
        self._problem = self._problem or event.problem
        self._say()

    def _measure(self) -> None:
        """Measure masks a slice of time long, then let other questions have their turn."""
        if self._found is None:
            return
        rows = self.desk.project.rows
        listed = (rows[name] for name in self._list.keys if name in rows)
        self._measure_on(self._coverage.todo(listed, self._found))

    def _measure_on(self, todo: Todo) -> None:
        if not todo:
            self._say()
            return
        found = self._found

        def measured(shares: Shares) -> None:
            self._coverage.learn(shares)
            self._list.refresh()
            # what was found anew since is measured by a question of its own
            if found is self._found:
                self._measure_on(todo[len(shares) :])

        self.desk.ask("coverage", lambda _dataset: measure(todo), measured)
