"""Learning rates, optimizer, schedule and length: options of sd-scripts that go together."""

from __future__ import annotations

from collections.abc import Mapping

from train.compat.translation import Translation
from train.compat.values import arguments, flag, number, numbers, text, whole

UNET_ONLY = "network_train_unet_only"
TEXT_ONLY = "network_train_text_encoder_only"
LEARNING_RATE = 2e-6
STEPS = 1600
"""What sd-scripts trains with when it is told nothing."""


def rates(sheet: Translation) -> None:
    """unet_lr and text_encoder_lr, each else learning_rate; one part only where asked for.

    text_encoder_lr may be a list for SDXL's two text encoders.
    """
    given = sheet.get("learning_rate", number, LEARNING_RATE)
    unet = sheet.get("unet_lr", number, given)
    texts = sheet.get("text_encoder_lr", numbers, [given])
    _rate(sheet, "unet_lr", unet, TEXT_ONLY)
    _rate(sheet, "text_encoder_lr", texts[0], UNET_ONLY)
    if sheet.values["text_encoder_lr"] and texts[-1] != texts[0]:
        sheet.put("text_encoder_lr", "text_encoder2_lr", texts[1])
    for option in (UNET_ONLY, TEXT_ONLY):
        if sheet.has(option) and not sheet.follows(option):
            sheet.ignore(option, "off")
    if sheet.has("learning_rate") and not sheet.follows("learning_rate"):
        sheet.ignore("learning_rate", "unet_lr and text_encoder_lr say it of each part")


def _rate(sheet: Translation, key: str, rate: float, only: str) -> None:
    if sheet.get(only, flag, False):
        sheet.put(only, key, 0.0)
        if sheet.has(key):
            sheet.ignore(key, f"{sheet.name(only)} is on")
    elif sheet.has(key) or sheet.has("learning_rate"):
        sheet.put(key if sheet.has(key) else "learning_rate", key, rate)
    else:
        sheet.assume("learning_rate", str(LEARNING_RATE), key, rate)


DECAY: Mapping[str, float] = {
    "adamw": 0.01,
    "adamw8bit": 0.01,
    "pagedadamw": 0.01,
    "pagedadamw8bit": 0.01,
    "pagedadamw32bit": 0.01,
}
"""Weight decay of the optimizer's own library when nothing is said; all others have none."""


def optimizer(sheet: Translation) -> None:
    """optimizer_type with the two older switches, and its arguments.

    Weight decay is a key of ours. Adafactor without relative_step=False makes its own learning
    rate, as in sd-scripts.
    """
    name = sheet.get("optimizer_type", text, "")
    option = "optimizer_type"
    for old, meant in (("use_8bit_adam", "AdamW8bit"), ("use_lion_optimizer", "Lion")):
        if sheet.get(old, flag, False) and not name:
            name, option = meant, old
        elif sheet.has(old):
            sheet.ignore(old, f"optimizer_type is {name}" if name else "off")
    if name:
        sheet.put(option, "optimizer_type", name)
    name = (name or "AdamW").lower()
    given = sheet.get("optimizer_args", arguments, {})
    decay = given.pop("weight_decay", None)
    if decay is not None:
        rate = sheet.converted(sheet.part("optimizer_args", "weight_decay"), decay, number)
        sheet.put("optimizer_args", "weight_decay", rate, ("weight_decay", decay))
    elif DECAY.get(name, 0.0) != DECAY["adamw"]:
        sheet.assume("weight_decay", "0 of this optimizer", "weight_decay", 0.0)
    if name == "adafactor":
        _adafactor(sheet, given)
    if given:
        pairs = [f"{key}={value}" for key, value in given.items()]
        sheet.put("optimizer_args", "optimizer_args", pairs, ("", ", ".join(pairs)))


def _adafactor(sheet: Translation, given: dict[str, str]) -> None:
    """Its defaults in sd-scripts; a rate that it finds by itself is 1 times what it finds."""
    given.setdefault("relative_step", "True")
    given.setdefault("scale_parameter", "True")
    if given["relative_step"].lower() != "true":
        return
    for key in ("unet_lr", "text_encoder_lr", "text_encoder2_lr"):
        if sheet.values.get(key):
            sheet.assume("optimizer_type", "Adafactor finds the learning rate", key, 1.0)
    sheet.assume("optimizer_type", "Adafactor has its own schedule", "lr_scheduler", "constant")
    for option in ("lr_scheduler", "lr_warmup_steps"):
        if sheet.has(option):
            sheet.ignore(option, "Adafactor with relative_step has its own schedule")


def schedule(sheet: Translation) -> None:
    """lr_scheduler by its name; Adafactor's own, which other programs list among them."""
    if sheet.has("lr_scheduler") and "lr_scheduler" not in sheet.done:
        name = sheet.get("lr_scheduler", text).lower()
        if name.startswith("adafactor"):
            sheet.put("lr_scheduler", "lr_scheduler", "constant")
        elif name in ("piecewise_constant", "rex"):
            sheet.refuse("lr_scheduler", f"there is no {name} schedule; it stays constant")
        else:
            sheet.put("lr_scheduler", "lr_scheduler", name)
    if sheet.has("lr_warmup_steps") and "lr_warmup_steps" not in sheet.done:
        steps = sheet.get("lr_warmup_steps", number)
        sheet.put("lr_warmup_steps", "lr_warmup_steps", _plain(steps))


def _plain(value: float) -> float:
    return int(value) if value == int(value) else value


def length(sheet: Translation) -> None:
    """max_train_epochs wins over max_train_steps; with neither it is 1600 steps."""
    epochs = sheet.get("max_train_epochs", whole, 0)
    steps = sheet.get("max_train_steps", whole, 0)
    if epochs:
        sheet.put("max_train_epochs", "max_train_epochs", epochs)
        if sheet.has("max_train_steps"):
            sheet.ignore("max_train_steps", "max_train_epochs is given and wins")
        return
    if sheet.has("max_train_epochs"):
        sheet.ignore("max_train_epochs", "0: off")
    if steps:
        sheet.put("max_train_steps", "max_train_steps", steps)
    else:
        sheet.assume("max_train_steps", str(STEPS), "max_train_steps", STEPS)


def seed(sheet: Translation) -> None:
    """The seed; a negative one is how several programs say "random"."""
    if sheet.has("seed"):
        found = sheet.get("seed", whole)
        if found < 0:
            sheet.ignore("seed", "random; here it is 42 unless given")
        else:
            sheet.put("seed", "seed", found)


def saving(sheet: Translation) -> None:
    """save_n_epoch_ratio in epochs; the format of the file."""
    ratio = sheet.get("save_n_epoch_ratio", whole, 0)
    epochs = sheet.values.get("max_train_epochs")
    if ratio > 0 and epochs and not sheet.has("save_every_n_epochs"):
        every = max(1, epochs // ratio)
        sheet.put("save_n_epoch_ratio", "save_every_n_epochs", every)
    elif sheet.has("save_n_epoch_ratio"):
        reason = "save_every_n_epochs is given" if sheet.has("save_every_n_epochs") else "off"
        sheet.ignore("save_n_epoch_ratio", reason)
    if sheet.has("save_model_as"):
        kind = sheet.get("save_model_as", text).lower()
        if kind == "safetensors":
            sheet.ignore("save_model_as", "LoRA files are always safetensors")
        else:
            sheet.refuse("save_model_as", "LoRA files are always safetensors")
