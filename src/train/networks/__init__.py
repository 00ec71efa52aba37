"""Kinds of network by name; each is made from targets, dim, alpha and seed."""

from __future__ import annotations

from collections.abc import Callable

from train.networks import lora
from train.networks.lora import LoRANetwork

NETWORKS: dict[str, Callable[..., LoRANetwork]] = {"lora": lora.create}

KOHYA_MODULES = {"lora": "networks.lora"}
"""What ``ss_network_module`` says for each kind."""
