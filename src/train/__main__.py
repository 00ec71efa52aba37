"""``python -P -m train run CONFIG.toml`` and ``python -P -m train draw REQUEST.json``.

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
from typing import IO, Any

from dataprep.errors import EXIT_FAILED, EXIT_OK, EXIT_STOPPED, DataprepError
from dataprep.jobs import Job, Progress
from dataprep.runs.folder import Record, run_folder, samples_folder
from train.control import Control, Stop
from train.record import Speaker, recorded

log = logging.getLogger("train")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    stop = Stop()
    stop.listen(detached=getattr(options, "detach", False))
    speaker = Speaker(_claim_stdout(), stop)
    if options.command == "draw":
        return _drive(_draw(options.request, stop), speaker)
    return _run(options, speaker)


def _run(options: argparse.Namespace, speaker: Speaker) -> int:
    """Train, or only plan; a run holds its folder's lock and keeps its record there."""
    try:
        from train.config.reading import FILE_NAME, load

        config = load(options.config, options.overrides)
        if options.dry_run:
            return _drive(_plan(config), speaker)
        file = options.config / FILE_NAME if options.config.is_dir() else options.config
        overrides = tuple(options.overrides)
        with recorded(file, overrides, speaker, detached=options.detach) as record:
            return _drive(_train(config, file, record, speaker), speaker)
    except DataprepError as error:
        return _failed(error, speaker)
    except OSError as error:
        reason = f"{error.filename}: cannot be written ({error.strerror})"
        return _failed(DataprepError(reason), speaker)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -P -m train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="train a LoRA")
    run.add_argument("config", type=Path, help="a TOML file, or a folder with train.toml")
    run.add_argument("--dry-run", action="store_true", help="only say what would be done")
    run.add_argument("--detach", action="store_true", help="go on when the starter is gone")
    run.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides")
    draw = commands.add_parser("draw", help="draw pictures with LoRAs")
    draw.add_argument("request", type=Path, help="a JSON file")
    return parser


def _claim_stdout() -> IO[str]:
    """Keep stdout for the protocol and send whatever else is printed to stderr."""
    sys.stdout.flush()
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return stream


def _train(config: Any, file: Path, record: Record, speaker: Speaker) -> Job[dict[str, Any]]:
    yield Progress(0, None, "starting torch", stage="loading")
    from train.recipe import train

    control = Control(run_folder(file), speaker.stop, speaker.say)
    samples = samples_folder(file, record.id)
    return (
        yield from train(config, started_at=record.started_at, control=control, samples=samples)
    )


def _draw(request: Path, stop: Stop) -> Job[dict[str, Any]]:
    yield Progress(0, None, "starting torch", stage="loading")
    from train.draw import draw, read_request

    return (yield from draw(read_request(request), stop))


def _plan(config: Any) -> Job[dict[str, Any]]:
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
