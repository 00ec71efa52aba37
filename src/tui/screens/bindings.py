"""Every key of the workshop that has a name, from all rooms, dialogs and widgets."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode

import tui.dialogs
import tui.rooms
import tui.screens
import tui.widgets

PACKAGES = (tui.screens, tui.rooms, tui.dialogs, tui.widgets)


def all_bindings(app: App[None]) -> list[Binding]:
    """The bindings with an id, each once, in the order of their ids."""
    found: dict[str, Binding] = {}
    for kind in (type(app), *_classes()):
        for binding in kind.__dict__.get("BINDINGS", ()):
            if isinstance(binding, Binding) and binding.id:
                found.setdefault(binding.id, binding)
    return [found[name] for name in sorted(found)]


def _classes() -> Iterator[type[DOMNode]]:
    for package in PACKAGES:
        for entry in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for value in vars(import_module(entry.name)).values():
                if isinstance(value, type) and issubclass(value, DOMNode):
                    yield value
