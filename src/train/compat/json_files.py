"""JSON of the kohya_ss window and of LoRA_Easy_Training_Scripts, with comments where people do."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from dataprep.errors import UsageError
from train.compat import command_line, gui
from train.compat.foreign import Foreign, Source
from train.compat.reasons import OFF
from train.compat.report import Left
from train.compat.values import is_unset, number, shown

STRING = r'"(?:\\.|[^"\\])*"'
COMMENT = re.compile(rf"({STRING})|//[^\n]*|/\*.*?\*/|^\s*#[^\n]*", re.DOTALL | re.MULTILINE)
TRAILING = re.compile(rf"({STRING})|,(?=\s*[}}\]])")
ONE_BACKSLASH = re.compile(r'\\(?!["\\/bfnrtu])')
KOHYA_SS = "a JSON file of kohya_ss"
LENGTHS = ("max_train_epochs", "max_train_steps")
WHOLE = ("epoch", "lr_warmup")
"""Keys that are taken together with others."""
EASY = "a JSON file of LoRA_Easy_Training_Scripts"


def parse(source: Source) -> dict[str, Any]:
    """The object in a JSON text; comments and commas at the end of a list are let through.

    Raises ``UsageError`` with the line for a text that is no JSON, and for one that is a list.
    """
    plain = TRAILING.sub(_string, COMMENT.sub(_string, source.text))
    try:
        found = json.loads(plain, strict=False)
    except RecursionError:
        raise UsageError(f"{source.path}: JSON that is nested too deeply") from None
    except json.JSONDecodeError as error:
        hint = "write \\ in a path as \\\\ or /" if ONE_BACKSLASH.search(plain) else ""
        where = f"line {error.lineno}, column {error.colno}"
        raise UsageError(f"{source.path}: no JSON ({error.msg}: {where})", hint) from None
    except ValueError as error:
        raise UsageError(f"{source.path}: no JSON ({error})") from None
    if not isinstance(found, dict):
        raise UsageError(f"{source.path}: a JSON {type(found).__name__}, no configuration")
    return found


def _string(match: re.Match[str]) -> str:
    """What is inside a string stays; what else matched goes, but not the lines it took."""
    return match.group(1) or "\n" * match.group(0).count("\n")


def read(source: Source, values: dict[str, Any]) -> Foreign:
    """The options in a window's JSON. Raises ``UsageError`` for another kind of base model."""
    _check_model(source, values)
    if "LoRA_type" in values:
        return _additional(source, values, _Window(source, values, KOHYA_SS).read())
    if "base_model" in values and "img_folder" in values:
        return _easy_names(values)
    return _additional(source, values, _Window(source, values, EASY).read())


def _check_model(source: Source, values: dict[str, Any]) -> None:
    kind = str(values.get("LoRA_type", ""))
    others = [key for key in gui.OTHER_MODELS if str(values.get(key)).lower() in ("true", "1")]
    if others or kind.lower().startswith("flux"):
        named = others[0] if others else f"LoRA_type {shown(kind)}"
        raise UsageError(
            f"{source.path}: {named} is for another kind of base model",
            "Stable Diffusion 1, 2 and XL can be trained here",
        )


class _Window:
    """One reading of a window's JSON."""

    def __init__(self, source: Source, values: dict[str, Any], name: str) -> None:
        self.path, self.given, self.name = source.path, values, name
        self.options: dict[str, Any] = {}
        self.names: dict[str, str] = {}
        self.said: dict[str, Any] = {}
        self.ignored: list[Left] = []

    def read(self) -> Foreign:
        for key, value in self.given.items():
            if key in gui.GUI_ONLY:
                self._leave(key, "off" if value in OFF else gui.GUI_ONLY[key])
            elif key == "additional_parameters":
                self._leave(key, "empty" if is_unset(value) else "its options were read along")
            elif key not in ("LoRA_type", "LyCORIS_preset", *WHOLE):
                self._take(gui.GUI_NAMES.get(key, key), key, value)
        if self.name == KOHYA_SS:
            self._network()
            self._rates()
            self._noise()
        self._length()
        self._warmup()
        return Foreign(
            self.name, self.options, self.names, said=self.said, ignored=tuple(self.ignored)
        )

    def _take(self, option: str, key: str, value: Any) -> None:
        before = self.names.get(option, option)
        if not is_unset(self.options.get(option)):
            self._leave(key, "empty" if is_unset(value) else f"{before} is given and wins")
            return
        if option in self.options:
            self._leave(before, "empty")
        self.options[option], self.names[option] = value, key

    def _leave(self, key: str, reason: str) -> None:
        self.ignored.append(Left(key, reason))

    def _number(self, key: str) -> float:
        """A number of the window; nothing is 0."""
        value = self.given.get(key)
        if is_unset(value):
            return 0.0
        try:
            return number(value)
        except ValueError as error:
            raise UsageError(f"{self.path}: {key}: {error} (got {shown(value)})") from None

    def _network(self) -> None:
        """LoRA_type with the keys that the window passes on with it."""
        kind = str(self.given["LoRA_type"]).lower()
        module = gui.KOHYA_TYPES.get(kind, "lycoris.kohya")
        algo = gui.LYCORIS_TYPES.get(kind, "")
        if not algo and kind not in gui.KOHYA_TYPES:
            shown_kind = shown(self.given["LoRA_type"])
            raise UsageError(f"{self.path}: LoRA_type {shown_kind} cannot be trained here")
        keys = gui.NETWORK_KEYS.get(algo or kind, ())
        pairs = {key: self.options.get(key) for key in keys if key in self.options}
        if algo:
            pairs |= {"algo": algo, "preset": self.given.get("LyCORIS_preset") or "full"}
        for key in [key for key in self.options if key in gui.ALL_NETWORK_KEYS]:
            if key not in pairs:
                self._leave(key, f"LoRA_type {shown(self.given['LoRA_type'])} does not use it")
            elif is_unset(pairs[key]):
                self._leave(key, "empty")
            del self.options[key]
        if "LyCORIS_preset" in self.given:
            said = "one of the network's arguments" if algo else "for LyCORIS only"
            self._leave("LyCORIS_preset", said)
        self.options["network_module"] = module
        self.options["network_args"] = [
            f"{key}={value}" for key, value in pairs.items() if not is_unset(value)
        ]
        self.names |= {"network_module": "LoRA_type", "network_args": ""}
        self.said["network_module"] = self.given["LoRA_type"]

    def _rates(self) -> None:
        """An empty rate of a part is 0; only where both are, learning_rate counts."""
        parts = ("unet_lr", "text_encoder_lr")
        given = [self._number(part) for part in parts]
        for part, rate in zip(parts, given, strict=True):
            if any(given):
                self.options[part] = rate
            else:
                self.options.pop(part, None)

    def _noise(self) -> None:
        """Of both kinds of noise the window passes on the one that is chosen."""
        kind = self.given.get("noise_offset_type")
        single = ("noise_offset", "adaptive_noise_scale", "noise_offset_random_strength")
        levels = ("multires_noise_iterations", "multires_noise_discount")
        for key in {"Original": levels, "Multires": single}.get(str(kind), ()):
            if key in self.options:
                del self.options[key]
                self._leave(key, f"noise_offset_type is {kind}")
        if self.options.pop("noise_offset_type", None) is not None:
            self._leave("noise_offset_type", "it says which keys of the noise count")
        if self._number("seed") == 0:
            self.options["seed"] = -1

    def _length(self) -> None:
        """``epoch`` counts where neither epochs nor steps are given to sd-scripts itself."""
        epochs = self.given.get("epoch")
        if self._number("max_train_epochs") or self._number("max_train_steps"):
            if "epoch" in self.given:
                self._leave("epoch", "max_train_epochs or max_train_steps is given and wins")
        elif not is_unset(epochs):
            for option in [key for key in LENGTHS if key in self.given]:
                self._leave(self.names.pop(option, option), "empty")
                self.options.pop(option, None)
            self.options["max_train_epochs"], self.names["max_train_epochs"] = epochs, "epoch"
        restarts = self.options.get("lr_scheduler") == "cosine_with_restarts"
        cycles = "lr_scheduler_num_cycles"
        if self.name == KOHYA_SS and restarts and is_unset(self.options.get(cycles)):
            if cycles in self.options:
                self._leave(cycles, "empty; the window then takes epoch")
            self.options[cycles], self.names[cycles] = epochs, "epoch"

    def _warmup(self) -> None:
        """Percent of the steps; LoRA_Easy reads the same key as a share, so below 1 it is one."""
        if is_unset(self.given.get("lr_warmup")):
            return
        percent = self._number("lr_warmup")
        if not 0 <= percent < 100:
            raise UsageError(f"{self.path}: lr_warmup: must be a percentage below 100")
        self.options["lr_warmup_steps"] = percent / 100 if percent >= 1 else percent
        self.names["lr_warmup_steps"] = "lr_warmup"
        self.said["lr_warmup_steps"] = self.given["lr_warmup"]


def _additional(source: Source, values: dict[str, Any], foreign: Foreign) -> Foreign:
    """The options that a person typed into the window's last field win over its own."""
    typed = values.get("additional_parameters")
    if not isinstance(typed, str) or not typed.strip():
        return foreign
    more = command_line.options_of(source, " ".join(typed.split()), {})
    options = {**foreign.options, **more.options}
    both = [foreign.options.get("network_args", []), more.options.get("network_args", [])]
    if all(both):
        options["network_args"] = both[0] + both[1]
    names = {option: name for option, name in foreign.names.items() if option not in more.options}
    said = {option: value for option, value in foreign.said.items() if option not in more.options}
    return replace(foreign, options=options, names=names, said=said, unknown=more.unknown)


def _easy_names(values: dict[str, Any]) -> Foreign:
    """A file that LoRA_Easy saved, in which every key has a name of its own."""
    options: dict[str, Any] = {}
    names: dict[str, str] = {}
    for key, value in values.items():
        option = gui.EASY_NAMES.get(key, key)
        if not is_unset(value) or option not in options:
            options[option] = value
            names[option] = key
    own = [key for key in gui.EASY_KEYS if key in options]
    ignored = [Left(key, gui.EASY_ONLY) for key in own if not is_unset(options.pop(key))]
    if "warmup_lr_ratio" in options:
        options["lr_warmup_steps"] = options.pop("warmup_lr_ratio")
        names["lr_warmup_steps"] = "warmup_lr_ratio"
    if options.pop("use_lion", False):
        options["use_lion_optimizer"] = True
    silent = frozenset(gui.EASY_DEFAULTS) - set(options)
    options = {**gui.EASY_DEFAULTS, **options}
    name = f"{EASY}, in its own names"
    return Foreign(name, options, names, silent=silent, ignored=tuple(ignored))
