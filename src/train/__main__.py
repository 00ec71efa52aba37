"""``python -P -m train run CONFIG`` and its kin: config, captions, and draw REQUEST.json.

Speaks JSON lines on stdout (``dataprep.jobs``): progress, then one result or error. Whatever
the libraries print goes to stderr.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from dataprep.errors import EXIT_FAILED, EXIT_OK, EXIT_STOPPED, DataprepError
from dataprep.jobs import Job, Progress
from dataprep.runs.folder import Record, run_folder, samples_folder
from train.control import Control, Stop
from train.record import Speaker, recorded

if TYPE_CHECKING:
    from train import presets
    from train.config import TrainConfig
    from train.given import Given

log = logging.getLogger("train")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # what cannot be had is said once, in our own words
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    # it misses kernels for 4 bits, which nothing here asks for
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    # it would have torchvision for pictures that it never sees
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    stop = Stop()
    stop.listen(detached=getattr(options, "detach", False))
    speaker = Speaker(_claim_stdout(), stop)
    if options.command == "draw":
        return _drive(_draw(options.request, stop), speaker)
    if options.command == "config":
        return _drive(_config(options), speaker)
    return _run(options, speaker)


def _run(options: argparse.Namespace, speaker: Speaker) -> int:
    """Train, or only say something about it; a run holds its folder's lock and keeps its record."""
    try:
        given = _given(options)
        if options.command == "captions":
            return _drive(_captions(given.config, options.count), speaker)
        if options.dry_run:
            _tell(given)
            return _drive(_plan(given.config), speaker)
        overrides = tuple(options.overrides)
        with recorded(given.file, overrides, speaker, detached=options.detach) as record:
            _tell(given)
            return _drive(_train(given.config, given.file, record, speaker), speaker)
    except DataprepError as error:
        return _failed(error, speaker)
    except OSError as error:
        reason = f"{error.filename}: cannot be written ({error.strerror})"
        return _failed(DataprepError(reason), speaker)


def _tell(given: Given) -> None:
    """Say what became of the keys of another program's file."""
    for line in given.lines():
        log.info("%s", line)


def _given(options: argparse.Namespace) -> Given:
    from train import given

    return given.load(options.config, options.overrides, _preset(options))


def _preset(options: argparse.Namespace) -> presets.Wanted | None:
    from train import presets

    if options.goal is None and options.memory is None:
        return None
    return presets.Wanted(options.goal, options.memory, options.family)


def _config(options: argparse.Namespace) -> Job[dict[str, Any]]:
    """What a file comes to, as train.toml; nothing that it names has to exist."""
    from train import given
    from train.printing import dump

    yield Progress(0, None, "reading the settings", stage="config")
    values, report = given.read(options.config, options.overrides, _preset(options))
    remarks = report.lines() if report else []
    if wrong := given.fault(values, str(options.config)):
        remarks.append(f"it cannot be trained like this: {wrong}")
    return {
        "toml": dump(values, expert=options.expert),
        "values": values,
        "remarks": remarks,
        "mapping": report.to_json() if report else None,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -P -m train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    about = argparse.ArgumentParser(add_help=False)
    about.add_argument("config", type=Path, help="a configuration, or a folder with train.toml")
    about.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides")
    about.add_argument("--goal", help="character, style or object")
    about.add_argument("--memory", type=int, metavar="GB", help="of the GPU")
    about.add_argument("--family", help="sd15, sd2 or sdxl")
    run = commands.add_parser("run", help="train a LoRA", parents=[about])
    run.add_argument("--dry-run", action="store_true", help="only say what would be done")
    run.add_argument("--detach", action="store_true", help="go on when the starter is gone")
    config = commands.add_parser("config", help="print train.toml", parents=[about])
    config.add_argument("--expert", action="store_true", help="every setting")
    captions = commands.add_parser("captions", help="what steps will see", parents=[about])
    captions.add_argument("count", type=int, help="how many steps")
    draw = commands.add_parser("draw", help="draw pictures with LoRAs")
    draw.add_argument("request", type=Path, help="a JSON file")
    return parser


def _claim_stdout() -> IO[str]:
    """Keep stdout for the protocol and send whatever else is printed to stderr."""
    sys.stdout.flush()
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return stream


def _train(
    config: TrainConfig, file: Path, record: Record, speaker: Speaker
) -> Job[dict[str, Any]]:
    yield Progress(0, None, "starting torch", stage="loading")
    from train.recipe import train

    control = Control(run_folder(file), speaker.stop, speaker.say)
    samples = samples_folder(file, record.id)
    return (
        yield from train(
            config,
            started_at=record.started_at,
            control=control,
            samples=samples,
            logs=run_folder(file).parent,
        )
    )


def _draw(request: Path, stop: Stop) -> Job[dict[str, Any]]:
    yield Progress(0, None, "starting torch", stage="loading")
    from train.draw import draw, read_request

    return (yield from draw(read_request(request), stop))


def _captions(config: TrainConfig, count: int) -> Job[dict[str, Any]]:
    from train.text.showing import show

    yield Progress(0, None, "reading the folders", stage="captions")
    return show(config, count)


def _plan(config: TrainConfig) -> Job[dict[str, Any]]:
    from train.plan import plan

    yield Progress(0, None, "reading the folders", stage="plan")
    return plan(config).to_json()


def _drive(job: Job[dict[str, Any]], speaker: Speaker) -> int:
    """Say what a job says, to its end, be it an error; the exit code."""
    try:
        while True:
            speaker.say(next(job).to_json())
    except StopIteration as end:
        result: dict[str, Any] = end.value
    except DataprepError as error:
        return _failed(error, speaker)
    except Exception as error:
        log.exception("the trainer failed")
        text = f"{type(error).__name__}: {error}"
        where = f"in {speaker.log}" if speaker.log else "on stderr"
        speaker.say({"event": "error", "message": text, "hint": f"the traceback is {where}"})
        return EXIT_FAILED
    speaker.say({"event": "result", **result})
    if result.get("stopped"):
        return EXIT_STOPPED
    fatal = any(issue["fatal"] for issue in result.get("issues", ()))
    return EXIT_FAILED if fatal else EXIT_OK


def _failed(error: DataprepError, speaker: Speaker) -> int:
    said = {"message": error.message, "hint": error.hint, "exit_code": error.exit_code}
    speaker.say({"event": "error", **said})
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
