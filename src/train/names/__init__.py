"""Which layers of a base model a network can lie on, and what kohya's files call them."""

from __future__ import annotations

from train.names.walk import PARTS, targets, text_encoder_targets, unet_targets

__all__ = ["PARTS", "targets", "text_encoder_targets", "unet_targets"]
