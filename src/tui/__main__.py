"""``python -P -m tui [DIR]``: take the terminal and open the workshop."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dataprep.errors import EXIT_OK, EXIT_USAGE, DataprepError
from dataprep.homes import data_home
from dataprep.store import open_store
from tui import prefs, words
from tui.prefs import Prefs, Show

if TYPE_CHECKING:
    from tui.pictures import Drawing

LOG = "tui.log"
"""In the folder of our own things: what libraries print while the screen is taken."""


def main(arguments: list[str]) -> int:
    """Open the workshop and return the exit code."""
    parser = argparse.ArgumentParser("dataprep tui", description="open a folder in the workshop")
    parser.add_argument("folder", metavar="DIR", type=Path, nargs="?")
    folder: Path | None = parser.parse_args(arguments).folder
    served = "TEXTUAL_DRIVER" in os.environ
    if not served and not _on_terminal():
        print("error: dataprep tui needs a terminal to draw on", file=sys.stderr)
        return EXIT_USAGE
    try:
        # opened once before the screen is taken: what is wrong with a folder is said as a sentence
        if folder is not None:
            open_store(folder).close()
        liked = prefs.load()
        words.use(liked.language)
    except DataprepError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return _open(folder, liked, served)


def _on_terminal() -> bool:
    streams = (sys.__stdin__, sys.__stdout__, sys.__stderr__)
    return all(stream is not None and stream.isatty() for stream in streams)


def _open(folder: Path | None, liked: Prefs, served: bool) -> int:
    # a browser shows coloured text, but no terminal graphics
    mode: Show = "halfcell" if served else liked.preview
    # a terminal that does not know a question lets us wait for its answer: meanwhile we load
    asker = Asker(mode)
    asker.start()
    from tui.app import Workshop

    asker.join()
    app = Workshop(folder, asker.drawing, liked)
    data_home().mkdir(parents=True, exist_ok=True)
    with _stray_output_to(data_home() / LOG):
        app.run()
        app.close_project()
    if not app.ended:
        # deep in native code; what it has reported as done is on the disk
        os._exit(EXIT_OK)
    return app.return_code or EXIT_OK


class Asker(threading.Thread):
    """Asks the terminal how it can show pictures; the answer is there once it was joined."""

    drawing: Drawing

    def __init__(self, mode: Show) -> None:
        super().__init__(name="asker")
        self._mode = mode

    def run(self) -> None:
        """Ask."""
        from tui.pictures import drawing

        self.drawing = drawing(self._mode)


@contextmanager
def _stray_output_to(log: Path) -> Iterator[None]:
    """Keep what libraries and child processes write to file descriptor 2 off the screen.

    Textual draws on ``sys.__stderr__``, so that gets a descriptor of its own.
    """
    before = sys.__stderr__
    screen = os.dup(2)
    with log.open("wb") as file, os.fdopen(screen, "w", encoding="utf-8") as stream:
        os.dup2(file.fileno(), 2)
        sys.__stderr__ = stream  # type: ignore[misc]
        try:
            yield
        finally:
            os.dup2(screen, 2)
            sys.__stderr__ = before  # type: ignore[misc]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
