"""Where the masks of a folder's pictures lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dataprep.errors import UsageError
from dataprep.report import Issue
from train.config import Subset, TrainConfig
from train.data.folders import Folder, pictures, setting


@dataclass(frozen=True, slots=True)
class Masks:
    """The masks of one folder."""

    files: dict[str, Path]
    """By the picture's name without ending."""
    alpha: bool = False
    """A picture without a file has its mask in its alpha channel."""
    wanted: bool = False
    """A picture without any is worth a word."""

    def find(self, picture: Path, name: str, issues: list[Issue]) -> Path | None:
        """The file with a picture's mask; None, and a remark where one was expected."""
        found = self.files.get(picture.stem)
        if found is None and self.wanted and not self.alpha:
            reason = f"no mask {picture.stem}.png: all of the picture counts"
            issues.append(Issue(name, "no-mask", reason, fatal=False))
        return found


def masks_of(config: TrainConfig, folder: Folder, issues: list[Issue]) -> Masks:
    """The masks that a folder's pictures have in files or in their alpha channel.

    Files are looked for in ``conditioning_data_dir`` under the folder's own name, as an export lays
    them, then in it itself, as sd-scripts does; only with ``masked_loss``. The alpha channel is a
    mask by ``alpha_mask`` alone. Raises ``UsageError`` for a folder of masks that is not there, and
    for a masked loss without masks.
    """
    alpha = bool(setting(config, folder, "alpha_mask"))
    root: Path | None = setting(config, folder, "conditioning_data_dir")
    if root is None:
        if config.masked_loss and not alpha and not folder.is_reg:
            _say_none(config, folder, issues)
        return Masks({}, alpha)
    if not config.masked_loss:
        reason = f"the masks in {root.name} are not used: masked_loss is off"
        issues.append(Issue(folder.name, "masks", reason, fatal=False))
        return Masks({}, alpha)
    if not root.is_dir():
        raise UsageError(f"conditioning_data_dir {root}: no such folder")
    inner = root / folder.path.name
    files = _by_stem(root) | (_by_stem(inner) if inner.is_dir() else {})
    # regularization pictures seldom have masks, and need none
    return Masks(files, alpha, wanted=not folder.is_reg)


def _say_none(config: TrainConfig, folder: Folder, issues: list[Issue]) -> None:
    given: list[TrainConfig | Subset] = [config, *config.subsets]
    if not any(it.alpha_mask or it.conditioning_data_dir is not None for it in given):
        raise UsageError(
            "masked_loss: there are no masks to go by",
            "give conditioning_data_dir, or alpha_mask = true",
        )
    reason = "no masks for this folder: all of its pictures count as a whole"
    issues.append(Issue(folder.name, "no-mask", reason, fatal=False))


def _by_stem(folder: Path) -> dict[str, Path]:
    """Pictures by name without ending; of several the PNG."""
    by_ending = sorted(pictures(folder), key=lambda path: (path.suffix.lower() == ".png", path))
    return {path.stem: path for path in by_ending}
