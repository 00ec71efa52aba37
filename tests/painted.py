"""Pictures for tests: sharp, colourful, different for every seed, and small to make."""

import random

from PIL import Image, ImageDraw

Size = tuple[int, int]


def painted(size: Size = (512, 512), seed: int = 0, behind: str = "") -> Image.Image:
    """A scene of shapes on an even background (a CSS colour; else one by the seed)."""
    rng = random.Random(seed)
    image = Image.new("RGB", size, behind or _colour(rng))
    draw = ImageDraw.Draw(image)
    for _ in range(24):
        x, y = rng.randrange(size[0]), rng.randrange(size[1])
        reach = rng.randrange(size[0] // 16, size[0] // 4)
        shape = rng.choice((draw.ellipse, draw.rectangle))
        shape((x - reach, y - reach, x + reach, y + reach), _colour(rng), _colour(rng), 3)
    return image


def figure(size: Size = (512, 512), behind: str = "white") -> Image.Image:
    """A character in the middle of an even background, cut at the lower edge."""
    width, height = size
    image = Image.new("RGB", size, behind)
    draw = ImageDraw.Draw(image)
    middle = width // 2
    draw.ellipse((middle - 90, 60, middle + 90, 240), "#e8b090", "black", 4)
    draw.polygon([(middle - 140, height), (middle, 220), (middle + 140, height)], "#4060c0")
    draw.ellipse((middle - 50, 130, middle - 20, 160), "#202020")
    draw.ellipse((middle + 20, 130, middle + 50, 160), "#202020")
    return image


def _colour(rng: random.Random) -> str:
    return f"#{rng.randrange(1 << 24):06x}"
