"""The interface's languages (gettext). Whoever draws a text asks for it then, never at import.

``N_`` marks a text that stands in a table or a class, such as a key's description; the one who
draws it passes it through ``_``.
"""

from __future__ import annotations

import gettext
import locale
import os
from pathlib import Path

DOMAIN = "tui"
LOCALES = Path(__file__).parent / "locale"
LANGUAGES = {"en": "English", "zh_CN": "简体中文"}
"""Code → its own name."""
SIMPLIFIED = ("zh_cn", "zh_sg", "zh_hans", "chinese")
VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")

_translations: gettext.NullTranslations = gettext.NullTranslations()


def _(text: str) -> str:
    """A text in the language of the interface."""
    # the empty text is where a catalogue keeps what it says of itself
    return _translations.gettext(text) if text else ""


def n_(one: str, many: str, number: int) -> str:
    """The form of a text that goes with a number, which it holds as ``{n}``."""
    return _translations.ngettext(one, many, number).format(n=number)


def N_(text: str) -> str:
    """A text that is translated when it is drawn."""
    return text


def use(language: str) -> None:
    """Speak a language of ``LANGUAGES`` from now on; "auto" follows the system's locale."""
    global _translations
    code = of_system() if language == "auto" else language
    if code == "en":
        _translations = gettext.NullTranslations()
        return
    _translations = gettext.translation(DOMAIN, str(LOCALES), [code])


def of_system() -> str:
    """The language of ``LANGUAGES`` that the system's locale asks for; else English."""
    said = next((value for name in VARIABLES if (value := os.environ.get(name))), "")
    if not said:
        said = locale.getlocale()[0] or ""
    return "zh_CN" if said.lower().replace("-", "_").startswith(SIMPLIFIED) else "en"
