"""The screens with 10,000 pictures, as a person at a terminal meets them.

``python -m bench.tui [DIR]``. Everything is measured from outside, on a pseudo-terminal of 80×24:
from the key that is written to the last byte of what is drawn for it. DIR is a project that was
scanned; without one, 10,000 small pictures are painted into a temporary folder first.
"""

from __future__ import annotations

import fcntl
import os
import pty
import random
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from bench.machine import heading

PICTURES = 10_000
RUNS = 7
MOVES = 40
FILTERS = (
    "tags>25",
    '"tag 17" AND NOT "tag 18"',
    "name:0*7",
    "tag:*99",
    "width=768",
    "caption:tag",
)
CLEAR = "\x15"
"""ctrl+u empties a line."""
QUIET = 0.25
"""Seconds without a byte after which a drawing counts as done."""
PATIENCE = 60.0
ANSWERS = {b"\x1b[16t": b"\x1b[6;20;10t", b"\x1b[c": b"\x1b[?62;22c"}
"""What a terminal without graphics says of itself: the size of a cell, and what it can do."""
BARE = """
import sys
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("READY")
Bare().run()
"""
TABLE = f"""
from textual.app import App
from textual.widgets import DataTable
class Table(App):
    def compose(self):
        yield DataTable(cursor_type="row")
    def on_mount(self):
        table = self.query_one(DataTable)
        table.add_columns("name", "size", "caption")
        table.add_rows((f"{{i:05d}} [x].jpg", "512×768", "zumi, " * 20) for i in range({PICTURES}))
Table().run()
"""


class Terminal:
    """A program on a pseudo-terminal of its own."""

    def __init__(self, command: list[str], size: tuple[int, int] = (80, 24)) -> None:
        self.started = time.perf_counter()
        self.pid, self._file = pty.fork()
        if self.pid == 0:
            os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
            os.execv(command[0], command)
        rows = struct.pack("HHHH", size[1], size[0], 0, 0)
        fcntl.ioctl(self._file, termios.TIOCSWINSZ, rows)
        self.seen = b""

    def read(self, seconds: float) -> bytes:
        """What is written within so many seconds; the first piece of it."""
        ready, _, _ = select.select([self._file], [], [], seconds)
        if not ready:
            return b""
        try:
            piece = os.read(self._file, 1 << 16)
        except OSError:
            return b""
        self.seen += piece
        for question, answer in ANSWERS.items():
            for _ in range(piece.count(question)):
                os.write(self._file, answer)
        return piece

    def until(self, text: str) -> float:
        """Seconds from the start until this text is on the screen."""
        end = time.perf_counter() + PATIENCE
        while text.encode() not in self.seen:
            self.read(0.1)
            if time.perf_counter() > end:
                raise TimeoutError(f"{text!r} was never drawn")
        return time.perf_counter() - self.started

    def settle(self) -> None:
        """Wait until nothing is drawn any more."""
        while self.read(2 * QUIET):
            pass

    def press(self, keys: str) -> float:
        """Seconds from writing these keys to the last byte of what they draw."""
        pressed = last = time.perf_counter()
        os.write(self._file, keys.encode())
        while self.read(QUIET) or last == pressed:
            last = time.perf_counter()
            if last - pressed > PATIENCE:
                raise TimeoutError("nothing was drawn")
            if not select.select([self._file], [], [], QUIET)[0]:
                break
        return last - pressed

    def shown_by(self, keys: str, text: str) -> float:
        """Seconds from writing these keys until a text is drawn anew."""
        before, pressed = len(self.seen), time.perf_counter()
        os.write(self._file, keys.encode())
        while text.encode() not in self.seen[before:]:
            self.read(0.1)
            if time.perf_counter() - pressed > PATIENCE:
                raise TimeoutError(f"{text!r} was never drawn")
        return time.perf_counter() - pressed

    @property
    def memory(self) -> float:
        """Its resident memory, in MiB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024

    @property
    def has_torch(self) -> bool:
        """Whether torch is loaded in it."""
        return "libtorch" in Path(f"/proc/{self.pid}/maps").read_text()

    def close(self) -> None:
        """End it."""
        os.kill(self.pid, 15)
        os.close(self._file)
        os.waitpid(self.pid, 0)


@contextmanager
def running(command: list[str]) -> Iterator[Terminal]:
    """A program that is ended afterwards."""
    terminal = Terminal(command)
    try:
        yield terminal
    finally:
        terminal.close()


def paint(root: Path) -> None:
    """Many small pictures with captions, scanned."""
    source = random.Random(1)
    tags = [f"tag {i}" for i in range(300)]
    for number in range(PICTURES):
        size = source.choice([(512, 768), (768, 512), (640, 640)])
        image = Image.new("RGB", size, tuple(source.randrange(256) for _ in range(3)))
        spot = tuple(source.randrange(256) for _ in range(3))
        image.paste(spot, (size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2))
        image.save(root / f"{number:05d} [x].jpg", quality=80)
        caption = ", ".join(["zumi", *source.sample(tags, 25)])
        (root / f"{number:05d} [x].txt").write_text(f"{caption}\n", encoding="utf-8")
    subprocess.run([dataprep(), "scan", str(root)], check=True, capture_output=True)


def dataprep() -> str:
    """The command beside this interpreter."""
    return str(Path(sys.executable).with_name("dataprep"))


def held(root: Path, where: str) -> int:
    """For how many pictures a filter holds."""
    command = [dataprep(), "list", str(root), "--where", where]
    listed = subprocess.run(command, check=True, capture_output=True, text=True)
    return len(listed.stdout.splitlines())


def median(measure: Callable[[], float]) -> float:
    """The median of several runs, after one that warms the disk's cache."""
    measure()
    return statistics.median(measure() for _ in range(RUNS))


def shown(command: list[str], text: str) -> Callable[[], float]:
    """Measures from the start of a program until a text is drawn."""

    def measure() -> float:
        with running(command) as terminal:
            return terminal.until(text)

    return measure


def main() -> None:
    """Print the table."""
    print(heading("lora-dataprep", "textual", "textual-image", "pillow"))
    if len(sys.argv) > 1:
        report(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "many")
        root.mkdir()
        paint(root)
        report(root)


def report(root: Path) -> None:
    """Measure a project of many pictures."""
    screens = [sys.executable, "-P", "-m", "tui", str(root)]
    bare = median(shown([sys.executable, "-c", BARE], "READY"))
    first = median(shown(screens, root.name))
    # a DataTable takes the brackets for markup and leaves them out
    table = median(shown([sys.executable, "-c", TABLE], "00000"))
    with running(screens) as terminal:
        terminal.until(f"{PICTURES} pictures")
        terminal.settle()
        terminal.press("7")
        terminal.settle()
    listed = median(shown(screens, "00000 [x].jpg"))
    print(f"{'a bare Textual app, first frame (limit)':<48} {bare * 1000:7.0f} ms")
    print(f"{'first frame':<48} {first * 1000:7.0f} ms  {first / bare:5.2f}×")
    print(f"{'DataTable of as many rows, listed (alternative)':<48} {table * 1000:7.0f} ms")
    print(f"{f'{PICTURES} pictures listed':<48} {listed * 1000:7.0f} ms  {listed / table:5.2f}×")
    with running(screens) as terminal:
        terminal.until("00000 [x].jpg")
        terminal.settle()
        moves = [terminal.press("j") for _ in range(MOVES)]
        back = [terminal.press("k") for _ in range(MOVES)]
        jump = [terminal.press("G"), terminal.press("gg")]
        terminal.press("/")
        filters: list[float] = []
        lists: list[float] = []
        for text in FILTERS:
            terminal.press(text[:-1])
            terminal.settle()
            lists.append(terminal.shown_by(text[-1], f"/{held(root, text)}"))
            terminal.settle()
            terminal.press(CLEAR)
            terminal.settle()
            terminal.press(text[:-1])
            terminal.settle()
            filters.append(terminal.press(text[-1]))
            terminal.press(CLEAR)
            terminal.settle()
        rows = {
            "to the next picture, preview drawn": moves,
            "to the one before": back,
            "to the last and the first": jump,
            "filter, from the last letter to the list": lists,
            "and with the preview of its first picture": filters,
        }
        for name, times in rows.items():
            print(
                f"{name:<48} {statistics.median(times) * 1000:7.0f} ms  (worst {max(times):.2f} s)"
            )
        print(f"memory {terminal.memory:.0f} MiB; torch loaded: {terminal.has_torch}")


if __name__ == "__main__":
    main()
