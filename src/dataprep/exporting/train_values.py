"""What the project knows that train.toml must say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataprep import concept, layout, target
from dataprep.captions import SEPARATOR, frequency
from dataprep.dataset import Dataset
from dataprep.exporting.plan import Plan
from dataprep.exporting.settings import Settings
from dataprep.exporting.train_file import EPOCHS, SIZE, kept_tags, sizes
from dataprep.settings import read_recipe

KEPT_TAGS = 12


def train_values(
    dataset: Dataset, settings: Settings, base: str, plan: Plan
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What train.toml must say (sizes, the recipe's [train], the concept), and where to begin."""
    known = concept.read(dataset.store)
    recipe = read_recipe(dataset.root)
    tagger = settings.tagger or _first_tagger(recipe)
    facts: dict[str, Any] = {
        "train_data_dir": layout.IMAGES,
        "caption_extension": ".txt",
        "keep_tokens": 1 if known.trigger else 0,
        **_separator(plan),
        **sizes(target.read(dataset.store)),
        **_regular_and_masks(settings, plan),
        **recipe.get("train", {}),
        "trigger_word": known.trigger,
        "pruned_tags": list(known.pruned),
        "kept_tags": kept_tags(
            frequency(plan.tags.values()), len(plan.items), known.trigger, KEPT_TAGS
        ),
    }
    if base:
        facts["pretrained_model_name_or_path"] = base
    if tagger:
        facts["tagger"] = tagger
    defaults = {
        "resolution": SIZE,
        "output_dir": "model",
        "output_name": settings.concept or plan.items[0].part.concept,
        "max_train_epochs": EPOCHS,
    }
    return facts, defaults


def _first_tagger(recipe: Mapping[str, Any]) -> str:
    """What the recipe tags with; of several the first reads the samples."""
    named = recipe.get("tag", {}).get("model", "")
    names = named.split(",") if isinstance(named, str) else named
    return str(next(iter(names), "")).strip()


def _separator(plan: Plan) -> dict[str, str]:
    """kohya's name for the mark, where a caption has it."""
    marked = any(SEPARATOR in tags for tags in plan.tags.values())
    return {"keep_tokens_separator": SEPARATOR} if marked else {}


def _regular_and_masks(settings: Settings, plan: Plan) -> dict[str, Any]:
    """Where those lie that this export writes; None takes out what an earlier one said."""
    masked = any(item.decisions.background is not None for item in plan.items)
    form = settings.masks if masked else "none"
    return {
        "reg_data_dir": layout.REGULAR if any(i.part.regular for i in plan.items) else None,
        "conditioning_data_dir": layout.MASKS if form == "folder" else None,
        "alpha_mask": True if form == "alpha" else None,
        "masked_loss": True if form != "none" else None,
    }
