"""A small world of chibi characters whose every attribute, and so every tag, is known.

Tags keep the booru spelling (underscores) and only say what a viewer can see in the framing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

RATING, GENERAL, CHARACTER = 9, 0, 4

HAIR_COLORS = ("black", "blonde", "red", "pink", "blue", "green")
HAIRSTYLES = ("plain", "twintails", "ponytail", "double_bun")
EYE_COLORS = ("blue", "red", "green", "yellow")
OUTFITS = (
    ("dress", "red"),
    ("dress", "blue"),
    ("dress", "white"),
    ("dress", "black"),
    ("shirt", "white"),
    ("shirt", "red"),
)
SCARF_COLORS = ("red", "yellow", "blue")
MOUTHS = ("smile", "laugh", "surprise", "frown")
ARMS = ("arms_at_sides", "waving", "arms_up")
FRAMINGS = ("full_body", "upper_body", "portrait")
BACKGROUNDS: dict[str, tuple[str, ...]] = {
    "white": ("simple_background", "white_background"),
    "plain": ("simple_background",),
    "gradient": ("gradient_background",),
    "striped": ("striped_background",),
    "polka_dot": ("polka_dot_background",),
    "meadow": ("outdoors", "sky", "grass"),
    "beach": ("outdoors", "sky", "ocean"),
    "night": ("outdoors", "night", "starry_sky", "moon"),
    "room": ("indoors", "window"),
}

# Everything that makes a named character is on the head, so that a portrait shows it too.
CHARACTERS: dict[str, dict[str, Any]] = {
    "mira_(sample)": {"hair_color": "pink", "hairstyle": "ponytail", "headwear": "cat_ears"},
    "toto_(sample)": {"hair_color": "black", "hairstyle": "plain", "headwear": "witch_hat"},
    "kinu_(sample)": {"hair_color": "blonde", "hairstyle": "double_bun", "headwear": "ribbon"},
    "sora_(sample)": {"hair_color": "blue", "hairstyle": "plain", "headwear": "straw_hat"},
    "lila_(sample)": {"hair_color": "red", "hairstyle": "twintails", "headwear": "ribbon"},
}

ZUMI_TRIGGER = "zumi"
ZUMI_MARKS: tuple[str, ...] = (
    "green_hair",
    "twintails",
    "hair_flower",
    "yellow_scarf",
    "blue_dress",
)
WITHHELD_MARKS = 3


@dataclass(frozen=True)
class Tag:
    """A row of the vocabulary; `category` is 9 for ratings, 0 general, 4 character."""

    name: str
    category: int


@dataclass(frozen=True)
class Scene:
    """One picture, wholly described; `seed` only feeds small jitter and background hues."""

    character: str | None
    hair_color: str
    hair_length: str
    hairstyle: str
    eye_color: str
    outfit: str
    outfit_color: str
    headwear: str | None
    flower: bool
    scarf: str | None
    mouth: str
    closed_eyes: bool
    blush: bool
    sitting: bool
    arms: str
    background: str
    framing: str
    seed: int


_GENERAL_NAMES = (
    "1girl",
    "solo",
    *(f"{color}_hair" for color in HAIR_COLORS),
    "short_hair",
    "long_hair",
    "twintails",
    "ponytail",
    "double_bun",
    *(f"{color}_eyes" for color in EYE_COLORS),
    "closed_eyes",
    *(f"{color}_{kind}" for kind, color in OUTFITS),
    "skirt",
    "hat",
    "witch_hat",
    "cat_ears",
    "hair_ribbon",
    "hair_flower",
    *(f"{color}_scarf" for color in SCARF_COLORS),
    "smile",
    "open_mouth",
    "frown",
    "blush",
    "standing",
    "sitting",
    *ARMS,
    *FRAMINGS,
    "simple_background",
    "white_background",
    "gradient_background",
    "striped_background",
    "polka_dot_background",
    "outdoors",
    "sky",
    "grass",
    "ocean",
    "night",
    "starry_sky",
    "moon",
    "indoors",
    "window",
)

VOCABULARY: tuple[Tag, ...] = (
    *(Tag(name, RATING) for name in ("general", "sensitive", "questionable", "explicit")),
    *(Tag(name, GENERAL) for name in _GENERAL_NAMES),
    *(Tag(name, CHARACTER) for name in CHARACTERS),
)
_ROW = {tag.name: row for row, tag in enumerate(VOCABULARY)}

_HEADWEAR_TAGS: dict[str, tuple[str, ...]] = {
    "straw_hat": ("hat",),
    "witch_hat": ("hat", "witch_hat"),
    "cat_ears": ("cat_ears",),
    "ribbon": ("hair_ribbon",),
}
_MOUTH_TAGS: dict[str, tuple[str, ...]] = {
    "smile": ("smile",),
    "laugh": ("smile", "open_mouth"),
    "surprise": ("open_mouth",),
    "frown": ("frown",),
}


def tags(scene: Scene) -> tuple[str, ...]:
    """The true tags of what the framing shows, in vocabulary order."""
    shown = {"general", "1girl", "solo", scene.framing, *BACKGROUNDS[scene.background]}
    shown.update(_hair_tags(scene), _face_tags(scene), _accessory_tags(scene), _body_tags(scene))
    if scene.character is not None:
        shown.add(scene.character)
    return tuple(sorted(shown, key=_ROW.__getitem__))


def _hair_tags(scene: Scene) -> Iterator[str]:
    yield f"{scene.hair_color}_hair"
    if scene.hairstyle != "plain":
        yield scene.hairstyle
    # A portrait is cut at the neck, above the place where long and short hair part ways.
    if scene.framing != "portrait":
        yield f"{scene.hair_length}_hair"


def _face_tags(scene: Scene) -> Iterator[str]:
    yield "closed_eyes" if scene.closed_eyes else f"{scene.eye_color}_eyes"
    yield from _MOUTH_TAGS[scene.mouth]
    if scene.blush:
        yield "blush"


def _accessory_tags(scene: Scene) -> Iterator[str]:
    if scene.headwear is not None:
        yield from _HEADWEAR_TAGS[scene.headwear]
    if scene.flower:
        yield "hair_flower"
    if scene.scarf is not None:
        yield f"{scene.scarf}_scarf"


def _body_tags(scene: Scene) -> Iterator[str]:
    if scene.framing == "portrait":
        return
    yield f"{scene.outfit_color}_{scene.outfit}"
    yield scene.arms
    if scene.outfit == "shirt":
        yield "skirt"
    if scene.framing == "full_body":
        yield "sitting" if scene.sitting else "standing"


def zumi_marks(scene: Scene) -> tuple[str, ...]:
    """The marks of zumi that the scene has, shown by its framing or not."""
    carried = (
        scene.hair_color == "green",
        scene.hairstyle == "twintails",
        scene.flower,
        scene.scarf == "yellow",
        (scene.outfit, scene.outfit_color) == ("dress", "blue"),
    )
    return tuple(mark for mark, has in zip(ZUMI_MARKS, carried, strict=True) if has)


def is_withheld(scene: Scene) -> bool:
    """True when enough marks meet that a base model trained on it would know zumi."""
    return len(zumi_marks(scene)) >= WITHHELD_MARKS


def random_scene(rng: random.Random) -> Scene:
    """Anyone, anywhere; about a quarter are named characters."""
    scene = _anyone(rng)
    if rng.random() < 0.25:
        traits = CHARACTERS[rng.choice(tuple(CHARACTERS))]
        scene = replace(scene, **traits)
    return replace(scene, character=_recognise(scene))


def zumi_scene(rng: random.Random) -> Scene:
    """Zumi: the five marks fixed, everything else as varied as for anyone."""
    return replace(
        _anyone(rng),
        hair_color="green",
        hairstyle="twintails",
        flower=True,
        scarf="yellow",
        outfit="dress",
        outfit_color="blue",
    )


def _anyone(rng: random.Random) -> Scene:
    hairstyle = _pick(rng, HAIRSTYLES, (40, 22, 20, 18))
    outfit, outfit_color = rng.choice(OUTFITS)
    framing = _pick(rng, FRAMINGS, (42, 36, 22))
    # Raised hands would come back into a picture cut at the neck, untagged.
    arms = "arms_at_sides" if framing == "portrait" else _pick(rng, ARMS, (40, 30, 30))
    return Scene(
        character=None,
        hair_color=rng.choice(HAIR_COLORS),
        hair_length=rng.choice(("short", "long")),
        hairstyle=hairstyle,
        eye_color=rng.choice(EYE_COLORS),
        outfit=outfit,
        outfit_color=outfit_color,
        headwear=_headwear(rng, hairstyle),
        flower=rng.random() < 0.2,
        scarf=rng.choice(SCARF_COLORS) if rng.random() < 0.48 else None,
        mouth=_pick(rng, MOUTHS, (32, 28, 18, 22)),
        closed_eyes=rng.random() < 0.16,
        blush=rng.random() < 0.45,
        sitting=framing == "full_body" and rng.random() < 0.4,
        arms=arms,
        background=rng.choice(tuple(BACKGROUNDS)),
        framing=framing,
        seed=rng.getrandbits(31),
    )


def _headwear(rng: random.Random, hairstyle: str) -> str | None:
    """At most one thing on top of the head; buns leave room for a ribbon only."""
    if hairstyle == "double_bun":
        return "ribbon" if rng.random() < 0.25 else None
    kinds: tuple[str | None, ...] = (None, "straw_hat", "witch_hat", "cat_ears", "ribbon")
    return kinds[rng.choices(range(5), (50, 11, 11, 14, 14))[0]]


def _recognise(scene: Scene) -> str | None:
    """Whoever looks like a named character is that character, chance likeness included."""
    for name, traits in CHARACTERS.items():
        if all(getattr(scene, field) == value for field, value in traits.items()):
            return name
    return None


def _pick(rng: random.Random, choices: Sequence[str], weights: Sequence[float]) -> str:
    return rng.choices(choices, weights)[0]
