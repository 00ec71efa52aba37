"""The command palette: every room, every stage, every key of this place, every preference."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.screen import Screen

from dataprep.stages import STAGES
from tui.rooms import ROOMS
from tui.screens.main import MainScreen
from tui.words import _

if TYPE_CHECKING:
    from textual.app import App

NOT_HERE = {"demo", "run", "scan", "undo", "redo", "history", "train", "watch", "pick"}
"""Stages that are not for an open project, or that a key does better."""


def commands(app: App[None], screen: Screen[object]) -> Iterator[SystemCommand]:
    """Everything that can be done from here, each with what it does."""
    yield from _of_app(app)
    yield from _keys(app, screen)
    if isinstance(screen, MainScreen):
        for name, door in ROOMS.items():
            title = _("go: {room}").format(room=_(door.title))
            yield SystemCommand(title, _(door.summary), partial(_enter, screen, name))
        for verb, stage in STAGES.items():
            if verb not in NOT_HERE:
                title = _("stage: {verb}").format(verb=verb)
                yield SystemCommand(title, _(stage.summary), partial(screen.open_form, verb, {}))


def _of_app(app: App[None]) -> Iterator[SystemCommand]:
    rows: list[tuple[str, str, str]] = [
        (_("preferences"), _("theme, language, keys, how pictures are drawn"), "preferences"),
        (_("theme"), _("choose the colours"), "change_theme"),
        (_("projects"), _("leave this project and open another"), "projects"),
        (_("screenshot"), _("save the screen as an SVG file"), "screenshot"),
        (_("quit"), _("close the workshop; what trains goes on"), "quit"),
    ]
    for title, text, action in rows:
        yield SystemCommand(title, text, partial(app.run_action, action))


def _keys(app: App[None], screen: Screen[object]) -> Iterator[SystemCommand]:
    """What the keys of the focused part and of the screen do."""
    seen: set[tuple[str, str]] = set()
    for active in screen.active_bindings.values():
        binding = active.binding
        name = (binding.action, binding.description)
        going = binding.action.startswith(("go(", "command_palette", "quit"))
        if not active.enabled or not binding.description or name in seen or going:
            continue
        seen.add(name)
        act: Callable[[], Awaitable[bool]] = partial(
            app.run_action, binding.action, default_namespace=active.node
        )
        key = app.get_key_display(binding)
        title = _("key: {what}").format(what=_(binding.description))
        yield SystemCommand(title, key, act, discover=binding.show)


async def _enter(screen: MainScreen, room: str) -> None:
    await screen.enter(room)
