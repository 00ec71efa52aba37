"""What a project holds, added up by folder, and where it came from."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dataprep.decisions import View
from dataprep.inventory import holdings, origins, whole
from dataprep.store import Picture, Source

PICTURE = Picture("a.png", 1000, 0, "sha", 64, 32, "PNG", "RGB", 1, 1, "")


def picture(name: str, width: int = 64, height: int = 32, kind: str = "PNG") -> Picture:
    return replace(PICTURE, name=name, width=width, height=height, format=kind)


def broken(name: str) -> Picture:
    return replace(PICTURE, name=name, width=0, height=0, format="", reason="truncated")


def test_each_folder_is_added_up() -> None:
    found = holdings(
        [
            picture("a.png"),
            picture("sub/b.jpg", 100, 50, "JPEG"),
            picture("sub/c.png", 10, 20),
            picture("sub/d.png", 20, 10),
            broken("sub/e.png"),
        ]
    )
    top, sub = found
    assert (top.folder, top.pictures, top.unreadable) == (".", 1, 0)
    assert (sub.folder, sub.pictures, sub.unreadable) == ("sub", 3, 1)
    assert sub.formats == (("PNG", 2), ("JPEG", 1))
    assert (sub.smallest, sub.largest) == ((10, 20), (100, 50))


def test_views_are_no_files_and_nothing_has_no_size() -> None:
    view = picture("a.png").view(View("head", (0, 0, 8, 8)))
    assert whole([picture("a.png"), view]).pictures == 1
    assert whole([broken("a.png")]).largest == (0, 0)
    assert whole([]).pictures == 0
    assert holdings([]) == []


@given(st.lists(st.tuples(st.sampled_from(["", "x/", "x/y/"]), st.booleans()), max_size=12))
def test_the_whole_is_the_sum_of_its_folders(drawn: list[tuple[str, bool]]) -> None:
    pictures = [
        picture(f"{folder}{i}.png") if good else broken(f"{folder}{i}.png")
        for i, (folder, good) in enumerate(drawn)
    ]
    found, total = holdings(pictures), whole(pictures)
    assert sum(held.pictures for held in found) == total.pictures
    assert sum(held.unreadable for held in found) == total.unreadable
    assert sum(held.bytes for held in found) == total.bytes == 1000 * len(pictures)


def test_pictures_are_counted_by_what_they_came_from() -> None:
    rows = [
        Source("a.png", "", "/photos/a.png", "", "2026-01-01T10:00:00+01:00"),
        Source("b.png", "", "/photos/b.png", "", "2026-01-03T10:00:00+01:00"),
        Source("c.png", "", "/zips/all.zip", "c.png", "2026-01-02T10:00:00+01:00"),
    ]
    found = origins({row.name: row for row in rows}, {"a.png": 1, "c.png": 1})
    assert [(o.source, o.pictures, o.gone) for o in found] == [
        ("/photos", 1, 1),
        ("/zips/all.zip", 1, 0),
    ]
    assert found[0].at.startswith("2026-01-03")
