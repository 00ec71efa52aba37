"""Options that need a look at others, or at another file: base model, prompts, trigger phrase."""

from __future__ import annotations

from train.compat import samples
from train.compat.translation import Translation
from train.compat.values import extension, flag, text

ODD = ("caption_extention",)
"""An old spelling that sd-scripts still takes."""


def base_model(sheet: Translation) -> None:
    """What kind of base it is: what is not said is told from its file.

    Only of Stable Diffusion 2 a missing v_parameterization means noise: its files do not tell.
    """
    for option in ("v2", "v_parameterization", "zero_terminal_snr"):
        if sheet.get(option, flag, False):
            sheet.put(option, option, True)
        elif sheet.has(option):
            sheet.ignore(option, "off: told from the base model's file")
    if sheet.values.get("v2") and "v_parameterization" not in sheet.values:
        sheet.assume("v_parameterization", "off", "v_parameterization", False)


def captions(sheet: Translation) -> None:
    """The old spelling of caption_extension."""
    for option in ODD:
        if sheet.has(option) and not sheet.has("caption_extension"):
            sheet.put(option, "caption_extension", sheet.get(option, extension))
        elif sheet.has(option):
            sheet.ignore(option, "caption_extension is given")


def concept(sheet: Translation) -> None:
    """The trigger phrase, which is written into the file and used for the proof."""
    if sheet.has("metadata_trigger_phrase"):
        phrase = sheet.get("metadata_trigger_phrase", text)
        sheet.put("metadata_trigger_phrase", "concept", {"trigger_word": phrase})


def prompts(sheet: Translation) -> None:
    """Sample prompts, out of their file; without any sd-scripts draws nothing."""
    found = samples.read(sheet) if sheet.has("sample_prompts") else []
    if found:
        sheet.put("sample_prompts", "sample_prompts", found)
        return
    for option in ("sample_every_n_epochs", "sample_every_n_steps", "sample_at_first"):
        if sheet.has(option):
            sheet.ignore(option, "without sample_prompts sd-scripts draws nothing")
