"""The network of a run, laid on its base."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from dataprep.errors import UsageError
from train import lora_file, loss, models, names, networks, optim, plan, state
from train.config import TrainConfig
from train.data import Dataset, Item
from train.models import About, Base, Source
from train.networks import rates
from train.networks.network import Network
from train.state import At, State
from train.targets import Targets

log = logging.getLogger("train")


def foresee(config: TrainConfig, source: Source) -> About:
    """What the base is; whatever can be known to go wrong later is raised now.

    Encoding the pictures may take an hour, and nobody wants to wait for a misspelt name so long.
    """
    about = models.detect(source)
    models.read_tokenizers(source, about.family)
    loss.check(config, about.prediction_type, about.zero_terminal_snr)
    rates.block_factors(config, about.family)
    optim.check(config)
    files = [Path(name) for name in config.base_weights]
    for path in [*files, *([config.network_weights] if config.network_weights else [])]:
        lora_file.read(path, about.family)
    return about


def check_left(left: State, config: TrainConfig, dataset: Dataset) -> None:
    """Raise ``UsageError`` where a run cannot go on from a state, or has nothing left to do."""
    state.check(left, config, dataset.items)
    steps = plan.of(config, dataset).steps
    if left.at.step >= steps:
        raise UsageError(
            f"{left.folder}: made after step {left.at.step}; the config ends at {steps}",
            "raise max_train_epochs or max_train_steps to go on",
        )


def lay(config: TrainConfig, base: Base) -> tuple[Network, Targets]:
    """The network that a config asks for, new or gone on from a file, and what it lies on.

    The base gets its ``base_weights`` first. Raises ``UsageError`` when nothing would be trained.
    """
    parts = [part for part in ("unet", *base.facts.text_parts) if config.rates[part]]
    if not parts:
        raise UsageError(
            f"no learning rate for anything {base.facts.name} has",
            "set unet_lr or text_encoder_lr",
        )
    _merge(config, base)
    targets = names.targets(base, convs=networks.needs_convs(config), parts=parts)
    if config.network_weights is None:
        network = networks.create(config, targets, base.family)
    else:
        weights = lora_file.read(config.network_weights, base.family)
        targets = names.targets(base, convs=True, parts=parts)
        network = networks.continue_from(config, targets, base.family, weights)
        log.info("going on from %s", config.network_weights)
    if not len(network):
        raise UsageError("every block is left out: nothing would be trained", "see block_dims")
    network.to(base.device)
    _tell(config, base, network)
    return network, targets


def _merge(config: TrainConfig, base: Base) -> None:
    if not config.base_weights:
        return
    everything = names.targets(base, convs=True)
    for number, name in enumerate(config.base_weights):
        factors = config.base_weights_multiplier
        factor = factors[number] if number < len(factors) else 1.0
        networks.merge(everything, lora_file.read(Path(name), base.family), factor)
        log.info("merged %s into the base, strength %g", name, factor)


def _tell(config: TrainConfig, base: Base, network: Network) -> None:
    effective = {
        part: config.rates[part] * config.scale
        for part in ("unet", *base.facts.text_parts)
        if config.rates[part]
    }
    log.info(
        "%d modules, %d parameters; effective rate, lr × %s: %s",
        len(network),
        sum(parameter.numel() for parameter in network.parameters()),
        "alpha/√dim" if config.rs_lora else "alpha/dim",
        ", ".join(f"{part} {rate:.2e}" for part, rate in effective.items()),
    )


def save_memory(base: Base) -> None:
    """Let base and text encoders compute parts of the forward pass twice."""
    base.unet.enable_gradient_checkpointing()
    for text in base.texts:
        text.encoder.gradient_checkpointing_enable()
        # transformers heeds it in training mode only; CLIP has no dropout that this would wake
        text.encoder.train()


@contextmanager
def resting(network: Network, optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """The network as it is used: without dropouts, and with averaged weights where there are."""
    network.eval()
    try:
        with optim.resting(optimizer):
            yield
    finally:
        network.train()


def pick_up(
    left: State,
    config: TrainConfig,
    items: Iterable[Item],
    network: Network,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
) -> At:
    """Give network, optimizer and scaler back what a state kept; where the run was.

    Raises ``UsageError`` where it cannot go on; what is merely different is logged.
    """
    for sentence in state.check(left, config, items):
        log.warning("since then: %s", sentence)
    state.fit(left, network.state_dict())
    network.load_state_dict(left.network)
    optim.restore(optimizer, *left.optimizer)
    if left.scaler:
        scaler.load_state_dict(left.scaler)
    log.info("going on after step %d, in epoch %d", left.at.step, left.at.epoch)
    return left.at
