"""``python -P -m train run CONFIG.toml`` and ``python -P -m train draw REQUEST.json``.

Speaks JSON lines on stdout (``dataprep.jobs``): progress, then one result or error. Whatever
the libraries print goes to stderr.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from dataprep.errors import EXIT_FAILED, EXIT_OK, EXIT_STOPPED, DataprepError
from dataprep.jobs import Job, Progress, emit


class Stop:
    """The wish to stop: a first signal sets it, a second one ends the process at once."""

    def __init__(self) -> None:
        self.wished = False

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.wished

    def on_signal(self, number: int, frame: Any) -> None:
        """Signal handler."""
        if self.wished:
            # files appear under their names only when whole, so nothing is left half written
            os._exit(EXIT_STOPPED)
        self.wished = True

    def listen(self) -> None:
        """Take Ctrl-C, the polite kill and (Windows) Ctrl-Break."""
        for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self.on_signal)


class Speaker:
    """The protocol's stream. When its reader is gone, that is a wish to stop."""

    def __init__(self, stream: IO[str], stop: Stop) -> None:
        self.stream = stream
        self.stop = stop

    def say(self, event: dict[str, Any]) -> None:
        """Write one event, unless nobody reads any more."""
        if self.stream.closed:
            return
        try:
            emit(event, self.stream)
        except OSError:
            self.stop.wished = True
            # closing flushes what could not be written, which fails as well
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())
            self.stream.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    stop = Stop()
    stop.listen()
    speaker = Speaker(_claim_stdout(), stop)
    try:
        return _drive(_job(options, stop), speaker)
    except DataprepError as error:
        said = {"message": error.message, "hint": error.hint, "exit_code": error.exit_code}
        speaker.say({"event": "error", **said})
        return error.exit_code
    except Exception as error:
        traceback.print_exc()
        text = f"{type(error).__name__}: {error}"
        speaker.say({"event": "error", "message": text, "hint": "the traceback is on stderr"})
        return EXIT_FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -P -m train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="train a LoRA")
    run.add_argument("config", type=Path, help="a TOML file, or a folder with train.toml")
    run.add_argument("--dry-run", action="store_true", help="only say what would be done")
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


def _job(options: argparse.Namespace, stop: Stop) -> Job[dict[str, Any]]:
    if options.command == "draw":
        return _draw(options.request, stop)
    from train.config import load

    config = load(options.config, options.overrides)
    if options.dry_run:
        return _plan(config)
    return _train(config, stop)


def _train(config: Any, stop: Stop) -> Job[dict[str, Any]]:
    yield Progress(0, None, "starting torch", stage="loading")
    from train.recipe import train

    return (yield from train(config, stop))


def _draw(request: Path, stop: Stop) -> Job[dict[str, Any]]:
    yield Progress(0, None, "starting torch", stage="loading")
    from train.draw import draw, read_request

    return (yield from draw(read_request(request), stop))


def _plan(config: Any) -> Job[dict[str, Any]]:
    from train.plan import plan

    yield Progress(0, None, "reading the folders", stage="plan")
    return plan(config).to_json()


def _drive(job: Job[dict[str, Any]], speaker: Speaker) -> int:
    try:
        while True:
            speaker.say(next(job).to_json())
    except StopIteration as end:
        result: dict[str, Any] = end.value
    speaker.say({"event": "result", **result})
    if result.get("stopped"):
        return EXIT_STOPPED
    fatal = any(issue["fatal"] for issue in result.get("issues", ()))
    return EXIT_FAILED if fatal else EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
