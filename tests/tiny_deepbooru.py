"""A1111's DeepDanbooru as a plain torch module, a sixteenth as wide, and its checkpoint file."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

TAGS = ["1girl", "blue_hair", "long_hair", "solo", "hat", "hatsune_miku"]
RATINGS = ["rating:safe", "rating:questionable", "rating:explicit"]


def triples(first: int, last: int) -> list[tuple[int, int, int]]:
    return [(n, n + 1, n + 2) for n in range(first, last, 3)]


# (the stage's units, the convolution beside its first unit), by number
UNITS = (
    (triples(2, 11), 1),
    (triples(12, 36), 11),
    (triples(37, 97), 36),
    ([(97, 98, 99), *triples(101, 158)], 100),
    (triples(159, 168), 158),
    (triples(169, 178), 168),
)
INNER = (4, 8, 16, 16, 32, 64)
OUTER = (16, 32, 64, 64, 128, 256)


class Reference(nn.Module):
    """Layer by layer, in the names of the checkpoint."""

    def __init__(self, tags: int) -> None:
        super().__init__()
        self.n_Conv_0 = nn.Conv2d(3, 4, 7, 2)
        came = 4
        for (units, beside), inner, outer in zip(UNITS, INNER, OUTER, strict=True):
            stride = 1 if beside == 1 else 2
            self.add_module(f"n_Conv_{beside}", nn.Conv2d(came, outer, 1, stride))
            for one, two, three in units:
                self.add_module(f"n_Conv_{one}", nn.Conv2d(came, inner, 1))
                self.add_module(f"n_Conv_{two}", nn.Conv2d(inner, inner, 3, stride))
                self.add_module(f"n_Conv_{three}", nn.Conv2d(inner, outer, 1))
                came, stride = outer, 1
        self.n_Conv_178 = nn.Conv2d(came, tags, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.pad(x.permute(0, 3, 1, 2), [2, 3, 2, 3], value=0)
        x = functional.relu(self.n_Conv_0(x))
        x = functional.max_pool2d(functional.pad(x, [0, 1, 0, 1], value=float("-inf")), 3, 2)
        for units, beside in UNITS:
            shortcut = self.get_submodule(f"n_Conv_{beside}")(x)
            for one, two, three in units:
                halved = self.get_submodule(f"n_Conv_{two}").stride == (2, 2)
                y = functional.relu(self.get_submodule(f"n_Conv_{one}")(x))
                y = functional.pad(y, [0, 1, 0, 1] if halved else [1, 1, 1, 1], value=0)
                y = functional.relu(self.get_submodule(f"n_Conv_{two}")(y))
                x = functional.relu(self.get_submodule(f"n_Conv_{three}")(y) + shortcut)
                shortcut = x
        x = self.n_Conv_178(x)
        x = functional.avg_pool2d(x, kernel_size=list(x.shape[-2:]))
        return torch.sigmoid(x.squeeze(3).squeeze(2))


def write_deepbooru(folder: Path) -> Reference:
    """The checkpoint in a folder, and the module whose weights it holds."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(3)
    model = Reference(len(TAGS) + len(RATINGS)).eval()
    with torch.no_grad():
        # so that different pictures get clearly different scores
        model.n_Conv_178.weight *= 30
    state = {"tags": [*TAGS, *RATINGS], **model.state_dict()}
    torch.save(state, folder / "model-resnet_custom_v3.pt")
    return model
