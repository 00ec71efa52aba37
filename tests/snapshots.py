"""Pictures of screens, compared with those that a person looked at.

``pytest tests/test_tui_snapshots.py --new-snapshots`` takes them anew.
"""

import asyncio
import gzip
import time
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input, TextArea

FOLDER = Path(__file__).parent / "__snapshots__"
STILL = 4
"""So many equal pictures in a row mean that nothing moves any more."""
PATIENCE = 40.0


async def still(pilot: Pilot[None]) -> str:
    """The screen as SVG once nothing on it moves."""
    end = time.monotonic() + PATIENCE
    last, same = "", 0
    while same < STILL:
        assert time.monotonic() < end, "the screen never comes to rest"
        for line in pilot.app.screen.query(Input):
            line.cursor_blink = False
        for text in pilot.app.screen.query(TextArea):
            text.cursor_blink = False
        await pilot.pause()
        await asyncio.sleep(0.03)
        now = pilot.app.export_screenshot(simplify=True)
        same = same + 1 if now == last else 0
        last = now
    return last


class Album:
    """The pictures of one size and language; compares each, and tells all that differ."""

    def __init__(self, name: str, *, update: bool, beside: Path) -> None:
        self._folder = FOLDER / name
        self._update = update
        self._beside = beside
        self._seen: set[str] = set()
        self.differing: list[str] = []

    async def take(self, pilot: Pilot[None], name: str) -> None:
        """Compare the screen as it is now with the picture of this name."""
        svg = await still(pilot)
        path = self._folder / f"{name}.svgz"
        self._seen.add(path.name)
        if self._update:
            self._folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(svg.encode(), mtime=0))
        elif not path.is_file() or gzip.decompress(path.read_bytes()).decode() != svg:
            (self._beside / f"{name}.svg").write_text(svg, encoding="utf-8")
            self.differing.append(f"{self._beside / name}.svg is not {path}")

    def close(self) -> None:
        """Fail for what differs, and for pictures of screens that are no more."""
        old = {path.name for path in self._folder.glob("*.svgz")} - self._seen
        for name in old if self._update else ():
            (self._folder / name).unlink()
        assert self._update or not old, f"nobody takes {sorted(old)} any more"
        assert not self.differing, "\n".join(["look, then --new-snapshots:", *self.differing])
