"""Losses of one shape: (prediction, target) → one value per picture; and their weights."""

from __future__ import annotations

from collections.abc import Callable

import torch

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def l2(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean squared error over channels and pixels, (batch,)."""
    return (prediction.float() - target.float()).square().flatten(1).mean(1)


LOSSES: dict[str, Loss] = {"l2": l2}


def min_snr_weight(
    alphas_cumprod: torch.Tensor, gamma: float, prediction_type: str = "epsilon"
) -> torch.Tensor:
    """min(SNR, γ)/SNR, for v-prediction min(SNR, γ)/(SNR + 1) (arXiv 2303.09556); (batch,)."""
    snr = alphas_cumprod / (1 - alphas_cumprod)
    capped = snr.clamp(max=gamma)
    # at zero terminal SNR the quotient is 0/0; its limit is 1
    whole = snr + 1 if prediction_type == "v_prediction" else snr.clamp(min=1e-12)
    return torch.where(snr > 0, capped / whole, 1.0 if prediction_type == "epsilon" else 0.0)
