"""``python -P -m dataprep.cluster REQUEST``: what the workers say, as JSON lines on stdout."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from dataprep.cluster.driver import drive
from dataprep.cluster.request import Request, as_text
from dataprep.errors import EXIT_OK, EXIT_STOPPED, DataprepError
from dataprep.jobs import Progress, emit


def main(path: Path) -> int:
    """Carry out a request and return the exit code."""
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    out, sys.stderr = _own_streams()
    request: Request = pickle.loads(path.read_bytes())
    total = len(request.batches)
    try:
        with closing(drive(request)) as driven:
            for done, said in enumerate(driven, start=1):
                emit(Progress(done, total, facts={"said": as_text(said)}).to_json(), out)
        _ignore_signals()
        emit({"event": "result", "batches": total}, out)
    except DataprepError as error:
        _ignore_signals()
        emit(
            {
                "event": "error",
                "message": error.message,
                "hint": error.hint,
                "exit_code": error.exit_code,
            },
            out,
        )
        return error.exit_code
    except KeyboardInterrupt:
        _ignore_signals()
        return EXIT_STOPPED
    return EXIT_OK


def _own_streams() -> tuple[IO[str], IO[str]]:
    """Streams for our lines and for tracebacks.

    What Ray's native code prints goes nowhere: it is in Ray's logs as well.
    """
    own = [os.fdopen(os.dup(number), "w", encoding="utf-8") for number in (1, 2)]
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    return own[0], own[1]


def _ignore_signals() -> None:
    """The work is over. Whoever has read our last line may send Ctrl-C while we go."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _as_ctrl_c(*_: Any) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
