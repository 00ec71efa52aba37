"""The files of a project: where each lies, and the pixels of a picture as it was decided."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from dataprep import images
from dataprep.decisions import Background, Decisions
from dataprep.homes import STATE_FOLDER
from dataprep.render import framed, render_file, render_mask
from dataprep.store import Picture


class Originals:
    """Reads pictures, and nothing of the store: it may be sent to another process."""

    def __init__(self, root: Path, max_pixels: int = images.MAX_PIXELS) -> None:
        self.root = root
        self.max_pixels = max_pixels

    @property
    def state(self) -> Path:
        """The folder of what is ours."""
        return self.root / STATE_FOLDER

    def path(self, name: str) -> Path:
        """Where the file of this name lies; see ``file`` for views."""
        return self.root / name

    def file(self, picture: Picture) -> Path:
        """The file that holds a picture: its own, or that of which it is a view."""
        return self.root / (picture.file or picture.name)

    def decode(self, picture: Picture, at_least: tuple[int, int] | None = None) -> Image.Image:
        """The upright picture before any decision; of a view, its part. Raises ``BadImage``.

        ``at_least`` (width, height in pixels) lets a JPEG be decoded at a fraction of its size.
        """
        frame = picture.frame
        if at_least is not None:
            at_least = _of_whole(at_least, picture)
        return framed(images.decode(self.file(picture), at_least, self.max_pixels), frame)

    def mask_path(self, picture: Picture, model: str) -> Path:
        """Where the foreground mask of a picture by a model is cached (8-bit grey PNG)."""
        return self.state / "masks" / f"{picture.sha[:24]}.{model}.png"

    def render(
        self, picture: Picture, decisions: Decisions, at_least: tuple[int, int] | None = None
    ) -> Image.Image:
        """The picture as taggers, previews and the export all see it. Raises ``BadImage``.

        A JPEG whose size nobody decided may be decoded at a fraction, if ``at_least`` (width,
        height in pixels) is enough for whoever asks.
        """
        mask = self._mask(picture, decisions.background) if decisions.background else None
        return render_file(
            self.file(picture),
            picture.frame,
            decisions.crop,
            decisions.background,
            mask,
            self.max_pixels,
            None if at_least is None else _of_whole(at_least, picture),
        )

    def render_mask(self, picture: Picture, decisions: Decisions) -> Image.Image:
        """The foreground, "L", cut and sized like the picture. Raises ``BadImage``."""
        if decisions.background is None:
            raise images.BadImage("has no mask; run `dataprep background`")
        mask = self._mask(picture, decisions.background)
        return render_mask(picture.frame, decisions.crop, decisions.background, mask)

    def mask_file(self, picture: Picture, model: str) -> Path | None:
        """The mask to render with, its own or, of a view, that of the whole; None: no mask."""
        own = self.mask_path(picture, model)
        whole = own.with_name(f"{picture.whole_sha[:24]}.{model}.png") if picture.box else own
        return next((path for path in (own, whole) if path.is_file()), None)

    def _mask(self, picture: Picture, background: Background) -> Image.Image:
        path = self.mask_file(picture, background.model)
        if path is None:
            raise images.BadImage("its mask is gone; run `dataprep background` again")
        return images.decode(path, None, self.max_pixels).convert("L")


def _of_whole(size: tuple[int, int], picture: Picture) -> tuple[int, int]:
    """How large the whole original is when the picture itself, perhaps a view, has this size."""
    whole = picture.frame.whole
    return -(-size[0] * whole[0] // picture.width), -(-size[1] * whole[1] // picture.height)
