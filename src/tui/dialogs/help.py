"""What the keys do here, and what the signs mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from dataprep.columns import wide
from tui.widgets.rail import SIGNS
from tui.words import N_, _

KEY_WIDTH = 12
MANY = 4
"""Of so many keys with one meaning only the first and the last are named."""


class HelpScreen(ModalScreen[None]):
    """A page made from the bindings themselves, the innermost first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", N_("Back"), id="help.leave"),
    ]

    def __init__(self, bindings: Iterable[ActiveBinding], room: str) -> None:
        super().__init__()
        self._room = room
        self._active = [active for active in bindings if active.enabled]

    def compose(self) -> ComposeResult:
        """Keys, then signs."""
        with VerticalScroll(id="help", classes="dialog"):
            yield Static(_table(_("Keys"), self._keys()))
            signs = [(sign.sign, _(sign.meaning)) for sign in SIGNS.values()]
            yield Static(_table(_("Signs at the left"), signs), classes="later")

    def _keys(self) -> list[tuple[str, str]]:
        """What each key does: those of the room first, those of lists and lines last."""
        rows: dict[tuple[str, str], list[str]] = {}
        for active in sorted(self._active, key=self._rank):
            binding = active.binding
            if not binding.description or not binding.id:
                continue
            going = binding.action.startswith("go(")
            name = ("go", N_("Go to a room")) if going else (binding.action, binding.description)
            rows.setdefault(name, []).append(self.app.get_key_display(binding))
        return [(_keys(keys), _(text)) for (_action, text), keys in rows.items()]

    def _rank(self, active: ActiveBinding) -> int:
        scope = (active.binding.id or "").split(".")[0]
        if scope == self._room:
            return 0
        return 1 if scope in ("main", "app", "go") else 2


def _keys(keys: list[str]) -> str:
    once = list(dict.fromkeys(keys))
    return " ".join(once) if len(once) < MANY else f"{once[0]} … {once[-1]}"


def _table(title: str, rows: list[tuple[str, str]]) -> Content:
    lines: list[Content] = [Content.styled(title, "bold")]
    for left, right in rows:
        gap = " " * max(0, KEY_WIDTH - wide(left))
        lines.append(Content.assemble((f"{gap}{left}  ", "$primary"), right))
    return Content("\n").join(lines)
