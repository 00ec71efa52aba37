"""network_module and its arguments: which network, and how large."""

from __future__ import annotations

from collections.abc import Mapping

from dataprep.errors import UsageError
from train.compat.report import Left
from train.compat.translation import Translation
from train.compat.values import (
    Convert,
    arguments,
    flag,
    listed,
    number,
    numbers,
    text,
    whole,
    wholes,
)

DIM = 4
ALPHA = 1.0
"""Of sd-scripts, when it is told nothing."""

LYCORIS = ("lycoris.kohya", "networks.lycoris", "lycoris.locon", "locon.locon_kohya")
KINDS = {"networks.lora": "lora", "networks.dylora": "dylora", "": "lora"}

ARGUMENTS: Mapping[str, Convert] = {
    "conv_dim": whole,
    "conv_alpha": number,
    "unit": whole,
    "dora_wd": flag,
    "block_dims": wholes,
    "block_alphas": numbers,
    "conv_block_dims": listed,
    "conv_block_alphas": numbers,
    "down_lr_weight": listed,
    "mid_lr_weight": listed,
    "up_lr_weight": listed,
    "block_lr_zero_threshold": number,
    "rank_dropout": number,
    "rank_dropout_scale": flag,
    "module_dropout": number,
    "loraplus_lr_ratio": number,
    "loraplus_unet_lr_ratio": number,
    "loraplus_text_encoder_lr_ratio": number,
}
"""Arguments of sd-scripts' networks and of LyCORIS that are keys of ours."""
OFF_AT_ZERO = ("conv_dim", "conv_alpha", *(key for key in ARGUMENTS if key.startswith("loraplus")))
UNTRAINED: Mapping[str, str] = {
    "use_tucker": "3×3 convolutions are taken apart into two, not three",
    "use_conv_cp": "3×3 convolutions are taken apart into two, not three",
    "use_cp": "3×3 convolutions are taken apart into two, not three",
    "disable_conv_cp": "",
    "use_scalar": "no scale is learned",
    "train_norm": "norms are not trained",
    "bypass_mode": "",
    "rs_lora": "",
    "verbose": "",
}
"""Switches of LyCORIS that our own networks do not have; those without a reason change nothing."""


def network(sheet: Translation) -> None:
    """network_type with rank, alpha and all arguments; ``UsageError`` for one that we lack."""
    # LoRA_Easy keeps sd-scripts in a folder of its own
    module = sheet.get("network_module", text, "").removeprefix("sd_scripts.")
    given = sheet.get("network_args", arguments, {})
    kind = _kind(sheet, module, given)
    if sheet.has("network_module") or kind != "lora":
        sheet.put("network_module", "network_type", kind)
    _size(sheet)
    if module in LYCORIS:
        _lycoris(sheet, given, kind)
    elif given.get("rank_dropout") and "rank_dropout_scale" not in given:
        # networks.lora always makes up for the ranks it drops
        given["rank_dropout_scale"] = "true"
    theirs = ("dora_wd",) if kind == "lycoris" else ()
    for key in [key for key in ARGUMENTS if key in given and key not in theirs]:
        _argument(sheet, key, given.pop(key))
    _convolutions(sheet, module, kind)
    if kind == "lycoris":
        pairs = [f"{key}={value}" for key, value in given.items()]
        sheet.put("network_args", "network_args", pairs, ("", ", ".join(pairs)))
        return
    for key in given:
        _left(sheet, key, given[key])


def _kind(sheet: Translation, module: str, given: dict[str, str]) -> str:
    if module in KINDS:
        convs = given.get("conv_dim", "0") not in ("0", "") and KINDS[module] == "lora"
        return "locon" if convs else KINDS[module]
    if module in LYCORIS:
        algo = given.get("algo", "lora").lower()
        return {"lora": "locon", "locon": "locon", "loha": "loha", "dylora": "dylora"}.get(
            algo, "lycoris"
        )
    raise UsageError(
        f"{sheet.source.path}: network_module {module!r} is none that can be trained",
        "known: networks.lora, networks.dylora, lycoris.kohya",
    )


def _size(sheet: Translation) -> None:
    """Rank and alpha; alpha 0 means the rank, as in sd-scripts."""
    dim = sheet.get("network_dim", whole, 0)
    if dim:
        sheet.put("network_dim", "network_dim", dim)
    else:
        sheet.assume("network_dim", str(DIM), "network_dim", DIM)
    if sheet.has("network_alpha"):
        alpha = sheet.get("network_alpha", number) or float(sheet.values["network_dim"])
        sheet.put("network_alpha", "network_alpha", alpha)
    else:
        sheet.assume("network_alpha", "1", "network_alpha", ALPHA)


def _lycoris(sheet: Translation, given: dict[str, str], kind: str) -> None:
    """Names of LyCORIS that are others than ours."""
    preset = given.pop("preset", "full")
    if preset not in ("full", "") and kind != "lycoris":
        _refuse(sheet, "preset", "modules are chosen as sd-scripts does, not by a preset")
    if "dropout" in given:
        said = given.pop("dropout")
        dropout = sheet.converted(sheet.part("network_args", "dropout"), said, number)
        sheet.put("network_args", "network_dropout", dropout, ("dropout", said))
    if kind == "lycoris":
        return
    algo = given.pop("algo", "")
    if algo and sheet.name("network_args"):
        # where the arguments come out of other keys, one of them has named the kind already
        sheet.put("network_args", "network_type", kind, ("algo", algo))
    if kind == "dylora" and "block_size" in given:
        given["unit"] = given.pop("block_size")
    if kind != "locon" and "dora_wd" in given:
        value = given.pop("dora_wd")
        if sheet.converted(sheet.part("network_args", "dora_wd"), value, flag):
            _refuse(sheet, "dora_wd", f"DoRA goes with LoRA and LoCon, not with {kind}")


def _argument(sheet: Translation, key: str, value: str) -> None:
    found = sheet.converted(sheet.part("network_args", key), value, ARGUMENTS[key])
    if key in OFF_AT_ZERO and not found:
        sheet.ignored.append(Left(sheet.part("network_args", key), "0: off"))
    elif found != []:
        sheet.put("network_args", key, found, (key, value))


def _convolutions(sheet: Translation, module: str, kind: str) -> None:
    """Ranks of 3×3 convolutions where the file leaves them to the network's own default."""
    values = sheet.values
    if module in LYCORIS:
        if kind == "locon" and _is_zero(sheet, "conv_dim"):
            values["network_type"] = "lora"
        elif "conv_alpha" not in values and "conv_dim" in values:
            sheet.assume("conv_alpha", "as network_alpha", "conv_alpha", values["network_alpha"])
    elif "conv_dim" in values and "conv_alpha" not in values:
        sheet.assume("conv_alpha", "1", "conv_alpha", 1.0)


def _is_zero(sheet: Translation, key: str) -> bool:
    return any(left.key == sheet.part("network_args", key) for left in sheet.ignored)


def _left(sheet: Translation, key: str, value: str) -> None:
    reason = UNTRAINED.get(key, "no network of ours has this argument")
    off = value.lower() in ("false", "0", "", "none")
    if off or not reason:
        sheet.ignored.append(
            Left(sheet.part("network_args", key), "off" if off else "nothing to choose")
        )
    else:
        _refuse(sheet, key, reason)


def _refuse(sheet: Translation, key: str, reason: str) -> None:
    sheet.refused.append(Left(sheet.part("network_args", key), reason))
