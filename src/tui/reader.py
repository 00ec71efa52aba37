"""Quick questions to the project, answered in one thread with one connection of its own.

A question that waits is dropped when a newer one of its group comes: only the last position of a
slider is worth an answer. What may take longer than a second or two is a job instead.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from textual.message import Message
from textual.message_pump import MessagePump

from dataprep.errors import DataprepError
from tui.faults import note_fault

if TYPE_CHECKING:
    from dataprep.dataset import Dataset

T = TypeVar("T")
Question = Callable[["Dataset"], Any]


class Answered(Message):
    """A question has its answer; ``deliver`` is called where the screens live."""

    def __init__(self, deliver: Callable[[], None]) -> None:
        super().__init__()
        self.deliver = deliver


class Reader:
    """Answers the questions of the project at ``root``; ``listener`` gets the answers."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listener: MessagePump | None = None
        self._waiting: dict[str, tuple[Question, Callable[[Any], None], Callable[..., None]]] = {}
        self._wake = threading.Condition()
        self._closed = False
        self._busy = False
        self._thread = threading.Thread(target=self._work, name="reader", daemon=True)

    def listen(self, listener: MessagePump) -> None:
        """Send the answers to this screen, and begin."""
        self._listener = listener
        if not self._thread.is_alive():
            self._thread.start()

    def ask(
        self,
        group: str,
        question: Callable[[Dataset], T],
        then: Callable[[T], None],
        otherwise: Callable[[str, str], None],
    ) -> None:
        """Ask; ``then`` gets the answer, ``otherwise`` a sentence and a hint why there is none."""
        with self._wake:
            self._waiting.pop(group, None)
            self._waiting[group] = (question, then, otherwise)
            self._wake.notify()

    @property
    def idle(self) -> bool:
        """Whether nothing is being answered or waits."""
        with self._wake:
            return not self._busy and not self._waiting

    def close(self, timeout: float) -> None:
        """Answer what waits, and end; a hand's edit that was begun is carried out."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _work(self) -> None:
        from dataprep.dataset import Dataset

        dataset: Dataset | None = None
        while True:
            with self._wake:
                self._busy = False
                self._wake.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    break
                group = next(iter(self._waiting))
                question, then, otherwise = self._waiting.pop(group)
                self._busy = True
            try:
                dataset = dataset or Dataset.open(self._root)
                # a stage that was asked may have narrowed it
                dataset.only = None
                dataset.caption_extension = dataset.own_extension
                self._post(then, question(dataset))
            except DataprepError as error:
                self._post(otherwise, error.message, error.hint)
            except (OSError, sqlite3.Error) as error:
                self._post(otherwise, f"{self._root}: {error}", "")
            except Exception as error:  # the edge: a fault in a question must not end the thread
                note_fault()
                self._post(otherwise, f"{type(error).__name__}: {error}", "a fault in dataprep")
        if dataset is not None:
            dataset.close()

    def _post(self, deliver: Callable[..., None], *values: Any) -> None:
        if self._listener is not None:
            with suppress(RuntimeError):  # the app has gone and closed its loop
                self._listener.post_message(Answered(lambda: deliver(*values)))
