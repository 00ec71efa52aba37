"""An optimizer from settings and groups of parameters."""

from __future__ import annotations

import importlib
import inspect
import logging
import sys
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

import torch

from dataprep.errors import DataprepError, UsageError
from train.config import TrainConfig
from train.optim.arguments import Parameters, parameters_of, parse
from train.optim.kinds import Kind, kind_of
from train.optim.running import is_schedule_free

log = logging.getLogger("train")

Groups = Sequence[dict[str, Any]]
"""Each with ``name``, ``part``, ``params``, ``lr`` and ``base_lr``."""
RATE_HINT = "such methods find the size of their steps themselves; 1 is usual"
LOW_RATE = 0.1


def create(config: TrainConfig, groups: Groups) -> torch.optim.Optimizer:
    """The optimizer that ``optimizer_type`` and ``optimizer_args`` ask for, ready to step.

    ``weight_decay`` goes to those that take it, decoupled where there is the choice; with
    ``compat = "kohya"`` it is left to the optimizer unless it was set. Raises ``UsageError`` for an
    unknown optimizer or argument and for settings that contradict each other; ``DataprepError``
    when its package is missing.
    """
    kind = kind_of(config.optimizer_type)
    cls = _class(kind)
    parameters = parameters_of(cls)
    arguments = _arguments(config, kind, cls, parameters)
    if "d0" in parameters:
        _check_adaptive(kind, groups, parameters)
    groups = [dict(group) for group in groups]
    if arguments.get("relative_step"):
        _give_up_rates(config, kind, groups)
    elif "lr" in parameters:
        arguments["lr"] = max(group["lr"] for group in groups)
    optimizer = _build(kind, cls, groups, arguments)
    _tell(config, kind, optimizer)
    if is_schedule_free(optimizer):
        optimizer.train()
    return optimizer


def check(config: TrainConfig) -> None:
    """Raise what ``create`` would, as far as that can be known without anything to learn."""
    kind = kind_of(config.optimizer_type)
    cls = _class(kind)
    _arguments(config, kind, cls, parameters_of(cls))


def _class(kind: Kind) -> type[torch.optim.Optimizer]:
    module, _, name = kind.path.rpartition(".")
    # it warns of 4-bit kernels, which no optimizer uses
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        raise DataprepError(
            f"optimizer_type: {kind.name} needs the package {kind.package} ({error})",
            f"install it into this environment: pip install {kind.package.replace('_', '-')}",
        ) from None
    if not (inspect.isclass(found) and issubclass(found, torch.optim.Optimizer)):
        raise UsageError(
            f"optimizer_type: {kind.path} is no optimizer",
            "the last part of the path must be a class of torch.optim.Optimizer's kind",
        )
    return found


def _arguments(
    config: TrainConfig, kind: Kind, cls: type, parameters: Parameters
) -> dict[str, Any]:
    """What a person asks for, over what the kind has, over what holds for all."""
    common: dict[str, Any] = {}
    left_alone = config.is_kohya and "weight_decay" not in config.model_fields_set
    if "weight_decay" in parameters and not left_alone:
        common["weight_decay"] = config.weight_decay
    if "decouple" in parameters and not config.is_kohya:
        common["decouple"] = True
    return {**common, **_defaults(config, kind), **parse(config.optimizer_args, cls, kind.name)}


def _defaults(config: TrainConfig, kind: Kind) -> dict[str, Any]:
    """sd-scripts lets Adafactor find the learning rate itself unless it is told otherwise."""
    own = config.is_kohya and kind.name == "Adafactor"
    return {"relative_step": True} if own else dict(kind.defaults)


def _check_adaptive(kind: Kind, groups: Groups, parameters: Parameters) -> None:
    """Those that estimate the distance to the solution have one estimate, and one rate."""
    rates = sorted({group["lr"] for group in groups})
    if len(rates) > 1 and "split_groups" not in parameters:
        raise UsageError(
            f"{kind.name} knows one learning rate for all, but there are {_listed(rates)}",
            "set unet_lr and text_encoder_lr to 1, without LoRA+ and without factors for blocks",
        )
    if rates[0] < LOW_RATE:
        log.warning(
            "%s with a learning rate of %g hardly moves: %s", kind.name, rates[0], RATE_HINT
        )


def _listed(rates: list[float]) -> str:
    return ", ".join(f"{rate:g}" for rate in rates)


def _give_up_rates(config: TrainConfig, kind: Kind, groups: Groups) -> None:
    """``relative_step``: the learning rates only say what is trained."""
    rates = sorted({group["lr"] for group in groups})
    if not config.is_kohya and rates != [1.0]:
        raise UsageError(
            f"{kind.name} with relative_step=True finds the learning rate itself, but there are "
            f"{_listed(rates)}",
            "set unet_lr and text_encoder_lr to 1, or relative_step=False",
        )
    if not config.is_kohya and config.lr_scheduler != "constant":
        raise UsageError(
            f"{kind.name} with relative_step=True has a schedule of its own, which contradicts "
            f"lr_scheduler = {config.lr_scheduler}",
            'set lr_scheduler = "constant", or relative_step=False',
        )
    log.warning("%s finds the learning rate itself; those set say only what is trained", kind.name)
    for group in groups:
        group["lr"] = group["base_lr"] = None


def _build(
    kind: Kind, cls: type[torch.optim.Optimizer], groups: Groups, arguments: dict[str, Any]
) -> torch.optim.Optimizer:
    try:
        # some print what they were told, and stdout carries the run's events
        with redirect_stdout(sys.stderr):
            return cls(groups, **arguments)
    except (TypeError, ValueError, ArithmeticError, AssertionError, RuntimeError) as error:
        raise UsageError(
            f"{kind.name} cannot be made of optimizer_args {arguments}: {error}",
            "see optimizer_args, weight_decay and the learning rates",
        ) from None


def _tell(config: TrainConfig, kind: Kind, optimizer: torch.optim.Optimizer) -> None:
    if kind.note:
        log.warning("%s: %s", kind.name, kind.note)
    on_cpu = optimizer.param_groups[0]["params"][0].device.type == "cpu"
    if kind.is_paged and on_cpu:
        warnings.filterwarnings("ignore", message="Paged optimizers are not supported on CPU")
        log.warning("%s: nothing is paged on the CPU; the steps are the same", kind.name)
    if is_schedule_free(optimizer) and not config.lr_scheduler.startswith("constant"):
        log.warning(
            '%s needs no schedule; lr_scheduler = "%s" slows it down',
            kind.name,
            config.lr_scheduler,
        )
