"""What a base model is: its family, what its UNet predicts, how its noise ends. No torch.

Told from names and shapes of weights, from the markers ``v_pred`` and ``ztsnr`` (NoobAI-XL's
convention, read by ComfyUI and Forge too), from modelspec metadata (Stability-AI/ModelSpec 1.0.1),
and from the configs of diffusers folders. What a person says goes before.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dataprep.errors import DataprepError, UsageError
from dataprep.weights.header import Header
from train.families import FAMILIES, Family
from train.models import kinds, where
from train.models.base import Source
from train.models.weights import header_of

log = logging.getLogger("train")

WORDS = {"epsilon": "noise prediction", "v_prediction": "v-prediction"}
SCHEDULER_FILE = "scheduler_config.json"
MODELSPEC = {"epsilon": "epsilon", "v": "v_prediction", "v_prediction": "v_prediction"}
SD2_STEPS = {875000: "epsilon", 110000: "v_prediction"}
"""Steps of two of Stability's .ckpt files: 2.0 at 512 px, 2.1 at 768 px."""
SIDE_768 = 96
"""The ``sample_size`` of SD2's larger UNet, in latents."""


@dataclass(frozen=True, slots=True)
class About:
    """What was told from a base model."""

    family: Family
    prediction_type: str
    """``epsilon`` or ``v_prediction``."""
    zero_terminal_snr: bool
    is_768: bool
    """SD2 at 768 px."""
    reasons: tuple[str, ...]
    """What it is, each with where that comes from, for a person."""

    def __str__(self) -> str:
        return ", ".join((FAMILIES[self.family].name, *self.reasons))


@dataclass(frozen=True, slots=True)
class Clues:
    """What the files say; empty where they say nothing."""

    family: Family
    prediction: str = ""
    told_by: str = ""
    zero_told_by: str = ""
    """Not empty: the noise ends in pure noise."""
    side: int = 0
    """The UNet's ``sample_size``, where known."""


def detect(source: Source) -> About:
    """What a base is. Logs it in one line.

    Raises ``DataprepError`` for what cannot be trained or read, and ``UsageError`` where a setting
    contradicts the files, or one is needed because they do not say.
    """
    clues = _clues(source)
    _check(source, clues)
    about = _settled(source, clues)
    log.info("%s: %s", Path(source.name).name, about)
    if about.zero_terminal_snr and about.prediction_type == "epsilon":
        log.warning("zero_terminal_snr without v-prediction: the last timestep teaches nothing")
    return about


def family_of(source: Source) -> Family:
    """The family of a base alone. Raises ``DataprepError`` for what cannot be trained or read."""
    return _clues(source).family


def _clues(source: Source) -> Clues:
    return _of_file(source) if where.is_file(source.name) else _of_folder(source)


def _of_file(source: Source) -> Clues:
    header = header_of(Path(source.name))
    family = kinds.family_of_file(source.name, header.shapes)
    clues = Clues(family, *_prediction(family, header))
    if "ztsnr" in header.shapes:
        clues = replace(clues, zero_told_by="key ztsnr")
    if source.config_dir is None:
        return clues
    said = _by_scheduler(where.part_config(str(source.config_dir), "scheduler", SCHEDULER_FILE))
    return replace(
        clues,
        prediction=clues.prediction or said.get("prediction", ""),
        told_by=clues.told_by or said.get("told_by", ""),
        zero_told_by=clues.zero_told_by or said.get("zero_told_by", ""),
    )


def _prediction(family: Family, header: Header) -> tuple[str, str]:
    """What a file says of its UNet's output, and by what."""
    if "v_pred" in header.shapes:
        return "v_prediction", "key v_pred"
    said = header.metadata.get("modelspec.prediction_type", "")
    if said in MODELSPEC:
        return MODELSPEC[said], "modelspec.prediction_type"
    architecture = header.metadata.get("modelspec.architecture", "")
    if family == "sd2" and architecture.startswith("stable-diffusion-v2-"):
        is_v = architecture.startswith("stable-diffusion-v2-768-v")
        return ("v_prediction" if is_v else "epsilon"), "modelspec.architecture"
    if family == "sd2" and header.step in SD2_STEPS:
        return SD2_STEPS[header.step], f"global_step {header.step}"
    return "", ""


def _of_folder(source: Source) -> Clues:
    name = source.name
    if source.config_dir is not None:
        raise UsageError(
            f"model_config_dir is for a base in one file, and {name} is a folder", "leave it out"
        )
    _check_folder(Path(name))
    unet = where.part_config(name, "unet")
    scheduler = where.part_config(name, "scheduler", SCHEDULER_FILE)
    family = kinds.family_of_folder(name, unet, scheduler)
    side = unet.get("sample_size")
    return Clues(family, side=side if isinstance(side, int) else 0, **_by_scheduler(scheduler))


def _check_folder(folder: Path) -> None:
    if not folder.is_dir() or (folder / "unet" / "config.json").is_file():
        return
    if (folder / "transformer" / "config.json").is_file():
        raise kinds.not_trainable(str(folder), "a model with a transformer (SD3, Flux)")
    raise DataprepError(
        f"{folder}: not a diffusers model folder (unet/config.json is missing)",
        f"{where.KEY} is the folder that holds model_index.json",
    )


def _by_scheduler(scheduler: dict[str, Any]) -> dict[str, str]:
    """The same clues out of a scheduler's config."""
    said = {"prediction": str(scheduler.get("prediction_type") or "epsilon")}
    said["told_by"] = SCHEDULER_FILE
    if scheduler.get("rescale_betas_zero_snr"):
        said["zero_told_by"] = SCHEDULER_FILE
    return said


def _check(source: Source, clues: Clues) -> None:
    """Refuse what contradicts the files or is not known of them."""
    if source.v2 is not None and source.v2 != (clues.family == "sd2"):
        raise UsageError(
            f"v2 = {str(source.v2).lower()}, but {source.name} is {FAMILIES[clues.family].name}",
            "leave v2 out",
        )
    if source.v_parameterization is not None:
        return
    if clues.family == "sd2" and not clues.prediction:
        raise UsageError(
            f"{source.name}: nothing in it says what this Stable Diffusion 2 predicts",
            "give v_parameterization = true (2.0 and 2.1 at 768 px) or false (the 512 px bases)",
        )
    if clues.prediction and clues.prediction not in WORDS:
        raise UsageError(
            f'{source.name}: prediction_type "{clues.prediction}" cannot be trained',
            "epsilon and v_prediction can",
        )


def _settled(source: Source, clues: Clues) -> About:
    """What holds: what a person says, else the files, else what is usual for the family."""
    prediction, told_by = clues.prediction or "epsilon", clues.told_by or "nothing else is said"
    if source.v_parameterization is not None:
        prediction = "v_prediction" if source.v_parameterization else "epsilon"
        told_by = "v_parameterization"
    reasons = [f"{WORDS[prediction]} ({told_by})"]
    zero = bool(clues.zero_told_by)
    zero_told_by = clues.zero_told_by
    if source.zero_terminal_snr is not None:
        zero, zero_told_by = source.zero_terminal_snr, "zero_terminal_snr"
    if zero:
        reasons.append(f"zero terminal SNR ({zero_told_by})")
    is_768 = clues.family == "sd2" and (prediction == "v_prediction" or clues.side >= SIDE_768)
    return About(clues.family, prediction, zero, is_768, tuple(reasons))
