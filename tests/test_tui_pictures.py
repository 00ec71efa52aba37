"""Pictures on a terminal: how they are drawn, decoded small, laid over, kept as small ones."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dataprep.decisions import Background, Crop, Decisions, Frame
from dataprep.images import BadImage, probe
from dataprep.originals import Originals
from dataprep.overlay import LINE, overlaid
from dataprep.store import Picture
from dataprep.thumbs import SIDE, path, thumb
from tests.test_tui_folder import BROKEN, paint_project
from tui.pictures import drawing, small
from tui.rooms.looking import elided
from tui.state import Row
from tui.widgets.chips import Chip, placed
from tui.widgets.halfcells import HalfCells, half_cells

RED, BLUE = (255, 0, 0), (0, 0, 255)


def two_halves(width: int = 40, height: int = 20) -> Image.Image:
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image


def test_half_cells_hold_the_picture() -> None:
    image = Image.new("RGB", (2, 2), RED)
    image.putpixel((0, 1), BLUE)
    (line,) = half_cells(image, 2, 1)
    assert line.text == "▀▀"
    colours = [(s.style.color.triplet, s.style.bgcolor.triplet) for s in line if s.style]  # type: ignore[union-attr]
    assert colours == [(RED, BLUE), (RED, RED)]


def test_neighbours_of_one_colour_are_one_segment() -> None:
    lines = half_cells(two_halves(), 10, 5)
    assert [len(list(line)) for line in lines] == [2] * 5
    assert {line.cell_length for line in lines} == {10}


@pytest.mark.parametrize(
    ("mode", "name", "shows"),
    [
        ("auto", "HalfCells", True),
        ("halfcell", "HalfCells", True),
        ("kitty", "TGPImage", True),
        ("sixel", "Image", True),
        ("off", "HalfCells", False),
    ],
)
def test_every_way_of_drawing(mode: str, name: str, shows: bool) -> None:
    from textual_image.widget import SixelImage, TGPImage

    found = drawing(mode)  # type: ignore[arg-type]
    assert found.shows == shows
    kinds = {"kitty": TGPImage, "sixel": SixelImage}
    assert found.widget is kinds.get(mode, HalfCells)
    assert found.widget.__name__ == name  # type: ignore[attr-defined]
    # a protocol's picture is decoded to every pixel of its cells
    assert (found.detail == found.cell) == (mode in kinds)


def test_a_small_picture_is_the_render_or_the_original(tmp_path: Path) -> None:
    root = paint_project(tmp_path / "zumi")
    cut = Decisions(crop=Crop((24, 0, 104, 80), 512, 512))
    row = Row(probe(root, "lake.png"), root / "lake.png", decisions=cut)
    assert small(row, (40, 40)).size == (40, 40)
    assert small(row, (40, 40), original=True).size == (40, 25)
    assert small(row, (40, 40), look="original").size == (40, 25)
    assert small(row, (4000, 4000), original=True).size == (128, 80)
    gone = Decisions(background=Background("model", "#ffffff"))
    row = Row(probe(root, "lake.png"), root / "lake.png", decisions=gone, mask=root / "no.png")
    assert small(row, (40, 40)).size == (40, 25)
    with pytest.raises(BadImage, match="not an image"):
        small(Row(probe(root, BROKEN), root / BROKEN), (40, 40))
    (root / "lake.png").unlink()
    with pytest.raises(BadImage, match="gone"):
        small(row, (40, 40))


def test_decisions_are_drawn_over_the_original(tmp_path: Path) -> None:
    root = tmp_path
    two_halves(128, 64).save(root / "a.png")
    Image.new("L", (128, 64), 255).save(root / "mask.png")
    decided = Decisions(Crop((0, 0, 64, 64), 512, 512), Background("m", "#ffffff"))
    row = Row(probe(root, "a.png"), root / "a.png", decisions=decided, mask=root / "mask.png")
    drawn = small(row, (128, 128), look="decisions")
    assert drawn.size == (128, 64)
    assert drawn.getpixel((0, 0)) == LINE
    assert drawn.getpixel((30, 30)) == RED
    assert drawn.getpixel((100, 30)) == (0, 0, 76)


def test_what_the_mask_takes_away_is_tinted() -> None:
    image, mask = two_halves(), Image.new("L", (40, 20), 0)
    mask.paste(255, (0, 0, 20, 20))
    tinted = overlaid(image, Frame.of(40, 20), None, Background("m", "#ffffff"), mask)
    assert tinted.getpixel((5, 5)) == RED
    assert tinted.getpixel((30, 5)) not in (RED, BLUE)
    inverted = Background("m", "#ffffff", invert=True)
    assert overlaid(image, Frame.of(40, 20), None, inverted, mask).getpixel((30, 5)) == BLUE


def test_small_pictures_are_made_once_by_content(tmp_path: Path) -> None:
    root = paint_project(tmp_path / "zumi")
    originals, picture = Originals(root), probe(root, "lake.png")
    first = thumb(originals, picture)
    assert max(first.size) == SIDE
    assert path(originals, picture).is_file()
    (root / "lake.png").unlink()
    assert thumb(originals, picture).size == first.size
    path(originals, picture).write_bytes(b"half of one")
    with pytest.raises(BadImage, match="gone"):
        thumb(originals, picture)


def test_of_what_cannot_be_read_there_is_no_small_picture(tmp_path: Path) -> None:
    root = paint_project(tmp_path / "zumi")
    with pytest.raises(BadImage, match="not an image"):
        thumb(Originals(root), probe(root, BROKEN))


def test_a_view_has_a_small_picture_of_its_own(tmp_path: Path) -> None:
    from dataprep.decisions import View

    two_halves(200, 100).save(tmp_path / "a.png")
    whole = probe(tmp_path, "a.png")
    view: Picture = whole.view(View("right", (100, 0, 200, 100)))
    shown = thumb(Originals(tmp_path), view)
    assert shown.size == (SIDE, SIDE)
    red, _green, blue = shown.getpixel((50, 50))  # type: ignore[misc]
    assert blue > 200 > 60 > red


def test_how_names_are_shortened() -> None:
    assert elided("short.png", 16) == "short.png"
    assert elided("a scanned drawing 0012.png", 16) == "a scann…0012.png"
    assert elided("夏の海夏の海夏の海.png", 12) == "夏…の海.png"


@given(
    st.lists(st.tuples(st.text(max_size=30), st.sampled_from(["", ".97"])), max_size=12),
    st.integers(8, 60),
)
def test_chips_stay_inside_and_lose_no_letter(tags: list[tuple[str, str]], width: int) -> None:
    from dataprep.columns import wide

    chips = [Chip(" ".join(text.split()) or "x", note) for text, note in tags]
    places = placed(chips, width)
    for place in places:
        assert place.column + wide(place.text) <= width
    for chip in chips:
        parts = [p.text for p in places if p.chip is chip and not p.is_note]
        assert "".join(parts).replace(" ", "") == chip.text.replace(" ", "")
    by_line = [(place.line, place.column) for place in places if place.text]
    assert by_line == sorted(by_line)
