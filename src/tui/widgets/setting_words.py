"""A setting's value as a person reads and types it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.words import N_, _

if TYPE_CHECKING:
    from dataprep.fields import Field

SWITCH = (N_("off"), N_("on"))
BARRED = {"sample_prompts"}
"""Lists whose parts have commas of their own: a bar stands between them."""


def shown(field: Field, value: Any) -> str:
    """A value in a line; a dash where there is none."""
    from dataprep.training_values import BASE, base_name

    if value in (None, "", (), []):
        return "–"
    if field.kind == "switch":
        return _(SWITCH[bool(value)])
    if isinstance(value, list | tuple):
        parts = [str(part) for part in value]
        one = field.name == "resolution" and len(set(parts)) == 1
        between = " | " if field.name in BARRED else ", "
        return parts[0] if one else between.join(parts)
    if isinstance(value, float):
        return f"{value:g}"
    return base_name(str(value)) if field.name == BASE else str(value)


def meant(field: Field, text: str) -> Any:
    """What a person has typed, as train.toml has it; text where it is no number."""
    text = text.strip()
    if not text:
        return None
    if field.kind == "list":
        between = "|" if field.name in BARRED else ","
        parts = [part.strip() for part in text.split(between) if part.strip()]
        if field.part == "text" or not all(part.isdigit() for part in parts):
            return parts
        return int(parts[0]) if len(parts) == 1 else [int(part) for part in parts]
    for kind in {"whole": (int,), "number": (int, float)}.get(field.kind, ()):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def equal(one: Any, other: Any) -> bool:
    """Whether two values mean the same."""
    return bool(_one_side(one) == _one_side(other))


def _one_side(value: Any) -> Any:
    """A square by one side."""
    if not isinstance(value, list | tuple):
        return value
    return value[0] if len(set(map(str, value))) == 1 else list(value)


def limits(field: Field) -> str:
    """Which values are taken."""
    if field.choices:
        return " | ".join(str(choice) for choice in field.choices)
    if field.least is not None and field.most is not None:
        return _("{least} to {most}.").format(least=f"{field.least:g}", most=f"{field.most:g}")
    if field.least:
        return _("{least} or more.").format(least=f"{field.least:g}")
    return ""
