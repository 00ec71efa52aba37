"""The work sheet of a translation: options are taken from it one by one, with a word for each."""

from __future__ import annotations

from typing import Any

from dataprep.errors import UsageError
from train.compat.foreign import Foreign, Source
from train.compat.report import NOT_GIVEN, Left, Mapped
from train.compat.values import Convert, is_unset, shown


class Translation:
    """The options of a file on the left, our values on the right."""

    def __init__(self, foreign: Foreign, source: Source) -> None:
        self.foreign = foreign
        self.source = source
        self.options = {k: v for k, v in foreign.options.items() if not is_unset(v)}
        self.values: dict[str, Any] = {}
        self.mapped: list[Mapped] = []
        self.ignored = list(foreign.ignored)
        self.refused = list(foreign.refused)
        self.done: set[str] = set()

    def has(self, option: str) -> bool:
        """Whether the file says something about an option."""
        return option in self.options

    def get(self, option: str, convert: Convert, default: Any = None) -> Any:
        """The value of an option, converted. Raises ``UsageError`` naming file and key."""
        if option not in self.options:
            return default
        self.done.add(option)
        return self.converted(self.name(option), self.options[option], convert)

    def converted(self, name: str, value: Any, convert: Convert) -> Any:
        """A value of theirs as ours. Raises ``UsageError`` with file, ``name`` and value."""
        try:
            return convert(value)
        except ValueError as error:
            got = shown(value)
            raise UsageError(f"{self.source.path}: {name}: {error} (got {got})") from None

    def name(self, option: str) -> str:
        """What the option is called in the file."""
        called = self.foreign.names.get(option, option)
        return shown(called) if called else ""

    def part(self, option: str, part: str) -> str:
        """What one argument among those of an option is called in the file."""
        return f"{self.name(option)} {part}".strip() or option

    def follows(self, option: str) -> bool:
        """Whether one of our keys was already taken from this option."""
        return any(entry.theirs == self.name(option) for entry in self.mapped)

    def put(self, option: str, key: str, value: Any, part: tuple[str, Any] | None = None) -> None:
        """Our key follows from this option of theirs, or from one ``part`` of its value."""
        self.done.add(option)
        self.values[key] = value
        theirs = self.name(option)
        said = self.foreign.said.get(option, self.options.get(option))
        if part is not None:
            theirs, said = self.part(option, part[0]), part[1]
        if option in self.foreign.silent:
            said = f"{said}{NOT_GIVEN}"
        self.mapped.append(Mapped(theirs, said, key, value, option not in self.foreign.silent))

    def assume(self, option: str, default: str, key: str, value: Any) -> None:
        """Our key follows from what sd-scripts does where its option is not given."""
        self.values[key] = value
        self.mapped.append(Mapped(option, f"{default}{NOT_GIVEN}", key, value, False))

    def ignore(self, option: str, reason: str) -> None:
        """The option changes nothing here."""
        self.done.add(option)
        self.ignored.append(Left(self.name(option), reason))

    def refuse(self, option: str, reason: str) -> None:
        """The option would have changed something and is not done."""
        self.done.add(option)
        self.refused.append(Left(self.name(option), reason))
