"""ΔW out of the tensors of a file alone, by the formulas of each kind of network.

Written apart from the layers that train, so that one can be held against the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from dataprep.errors import DataprepError

Tensors = Mapping[str, torch.Tensor]
"""The tensors of one module by what follows its name; in float."""

ALPHA = "alpha"
DORA = "dora_scale"


def dense(
    weights: Mapping[str, torch.Tensor], name: str, base: torch.Tensor | None = None
) -> torch.Tensor:
    """ΔW of the module ``name`` as merging adds it at strength 1; float32.

    Shape: (out, in[, k, k]) as the file has it; LoHa and LoKr on convolutions give
    (out, in·k·k). A missing alpha means alpha = dim. With DoRA (arXiv 2402.09353) ΔW is
    W' − W in the shape of ``base``, the weight W that it belongs to. Raises ``DataprepError`` for
    a kind that is not known and for DoRA without a base.
    """
    tensors = {key: value.float() for key, value in of_module(weights, name).items()}
    change = product(tensors, name)
    if DORA not in tensors:
        return change
    if base is None:
        raise DataprepError(f"{name}: with DoRA, ΔW depends on the base's weight")
    moved = base.float() + change.reshape(base.shape)
    return lengthened(moved, tensors[DORA]) - base.float()


def of_module(weights: Mapping[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    """The tensors of one module by what follows its name."""
    return {
        key[len(name) + 1 :]: value
        for key, value in weights.items()
        if key.startswith(name) and key[len(name) : len(name) + 1] == "."
    }


def product(tensors: Tensors, name: str) -> torch.Tensor:
    """scale · (the product of the learned tensors): ΔW, or with DoRA its direction.

    Linear in each tensor with no minus sign, so that with absolute values it bounds what
    rounding can do.
    """
    for mark, form in FORMS.items():
        if mark in tensors:
            try:
                return scale(tensors) * form(tensors)
            except (KeyError, RuntimeError) as error:
                raise DataprepError(f"{name}: its tensors do not fit together ({error})") from None
    raise DataprepError(
        f"{name}: no known kind of network ({', '.join(sorted(tensors)) or 'no tensors'})",
        "LoRA, LoCon, LoHa and LoKr are known, each with DoRA",
    )


def is_known(tensors: Tensors) -> bool:
    """Whether there is a formula for these tensors."""
    return any(mark in tensors for mark in FORMS)


def scale(tensors: Tensors) -> torch.Tensor:
    """alpha / dim; 1 where there is no dim (a LoKr of whole matrices) or no alpha."""
    size = dim(tensors)
    alpha = tensors.get(ALPHA)
    return torch.ones(()) if size is None or alpha is None else alpha.cpu().reshape(()) / size


def dim(tensors: Tensors) -> int | None:
    """The rank, out of the shapes; None where no tensor has one."""
    for key in ("lora_down.weight", "hada_w1_b", "lokr_w2_b", "lokr_w1_b"):
        if key in tensors:
            return int(tensors[key].shape[0])
    return None


def lengthened(moved: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """``moved`` with its rows (or columns) made as long as DoRA's ``lengths`` say."""
    lengths = fitted(lengths, moved)
    return moved * (lengths / norms(moved, lengths))


def fitted(lengths: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The lengths in as many dimensions as the weight: a file may have fewer or more of them."""
    across = lengths.dim() > 1 and lengths.shape[0] == 1 and lengths.shape[1] == weight.shape[1]
    where = 1 if across and weight.shape[0] != 1 else 0
    shape = [1] * weight.dim()
    shape[where] = lengths.numel()
    return lengths.reshape(shape)


def norms(moved: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The lengths that ``moved`` has now, where ``lengths`` has entries."""
    kept = 1 if lengths.shape[0] == 1 and lengths.numel() > 1 else 0
    across = [axis for axis in range(moved.dim()) if axis != kept]
    length = torch.linalg.vector_norm(moved, dim=across, keepdim=True)
    return length + torch.finfo(torch.float32).eps


def _lora(tensors: Tensors) -> torch.Tensor:
    up, down = tensors["lora_up.weight"], tensors["lora_down.weight"]
    middle = tensors.get("lora_mid.weight")
    if middle is not None:
        return torch.einsum("mn...,om,ni->oi...", middle, up.flatten(1), down.flatten(1))
    return (up.flatten(1) @ down.flatten(1)).reshape(up.shape[0], *down.shape[1:])


def _loha(tensors: Tensors) -> torch.Tensor:
    """arXiv 2108.06098: the product, entry by entry, of two products."""
    return _half(tensors, "1") * _half(tensors, "2")


def _half(tensors: Tensors, number: str) -> torch.Tensor:
    left, right = tensors[f"hada_w{number}_a"], tensors[f"hada_w{number}_b"]
    core = tensors.get(f"hada_t{number}")
    if core is not None:
        return torch.einsum("pq...,po,qi->oi...", core, left, right)
    return left @ right


def _lokr(tensors: Tensors) -> torch.Tensor:
    """arXiv 2212.10650: the Kronecker product of a small and a larger matrix."""
    small, large = _factor(tensors, "1"), _factor(tensors, "2")
    return torch.kron(small.reshape(*small.shape, *[1] * (large.dim() - 2)), large.contiguous())


def _factor(tensors: Tensors, number: str) -> torch.Tensor:
    whole = tensors.get(f"lokr_w{number}")
    if whole is not None:
        return whole
    left, right = tensors[f"lokr_w{number}_a"], tensors[f"lokr_w{number}_b"]
    core = tensors.get(f"lokr_t{number}")
    if core is not None:
        return torch.einsum("pq...,po,qi->oi...", core, left, right)
    return (left @ right.flatten(1)).reshape(left.shape[0], *right.shape[1:])


FORMS: dict[str, Callable[[Tensors], torch.Tensor]] = {
    "lora_down.weight": _lora,
    "hada_w1_a": _loha,
    "lokr_w1": _lokr,
    "lokr_w1_a": _lokr,
}
"""The formula by a tensor that every module of a kind has."""
