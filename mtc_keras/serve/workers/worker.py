"""A process that holds one model and computes what the server asks, one batch after the other.

`python -m mtc_keras.serve.workers.worker --socket DESCRIPTOR --model PATH` is how the server
starts it. It says `ready` when the model is loaded, tested and warm, and ends when the server is
gone.
"""

import argparse
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtc_keras.devices.startup import owned_process
from mtc_keras.errors import UserError, first_cause
from mtc_keras.predict.predictor import Predictor
from mtc_keras.predict.predictors import KerasPredictor, open_predictor
from mtc_keras.serve.workers import wire
from mtc_keras.serve.workers.self_test import check_answers

WARMING = 120.0  # seconds after which the remaining programs are compiled when they are needed
log = logging.getLogger("mtc_keras.serve")


def main() -> None:
    """Serves one model over a socket that was inherited."""
    args = _parsed()
    # The server decides when its workers end, not Ctrl-C in its terminal, which they hear, too.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.dup2(2, 1)  # whatever is printed must not be taken for what the server prints
    _limit_threads(args.cores)
    connection = socket.socket(fileno=args.socket)
    with owned_process(), connection, connection.makefile("rb") as questions:
        predictor = _loaded(args.model, args.check, connection)
        while predictor is not None and (message := wire.receive(questions)) is not None:
            _send(connection, *_answer(predictor, message[0]))


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m mtc_keras.serve.workers.worker", description=__doc__
    )
    parser.add_argument("--socket", type=int, required=True, help="descriptor of the socket")
    parser.add_argument("--model", required=True, help="a run, or an export's version")
    parser.add_argument("--cores", default="", help="numbers of the cores, with commas between")
    parser.add_argument("--no-check", dest="check", action="store_false", help="of changed files")
    return parser.parse_args()


def _limit_threads(cores: str) -> None:
    """Has all libraries make as many threads as there are cores for this worker."""
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, [int(core) for core in cores.split(",")])


def _loaded(path: str, check: bool, connection: socket.socket) -> Predictor | None:
    """Loads a model and says so; where it cannot be served, says why and returns `None`."""
    started = time.perf_counter()
    try:
        predictor = open_predictor(path, check)
        with predictor.being_read():
            predictor.load()
        check_answers(predictor)
        _warm(predictor)
    except UserError as error:
        _send(connection, {"refused": error.headline, "problems": error.problems})
        return None
    except Exception as error:  # of any library, on whatever the folder holds
        _send(connection, {"refused": f"{path!r} cannot be loaded: {first_cause(error)}"})
        return None
    _send(connection, {"ready": time.perf_counter() - started})
    return predictor


def _warm(predictor: Predictor) -> None:
    """Has XLA compile all that texts may need, so that none waits; for exports it does nothing."""
    if isinstance(predictor, KerasPredictor) and not predictor.prepare_to_last(WARMING):
        log.warning(
            "not all programs are compiled after %.0f s: the first texts of some lengths will "
            "wait for theirs",
            WARMING,
        )


def _answer(
    predictor: Predictor, question: Mapping[str, Any]
) -> tuple[dict[str, Any], Mapping[str, np.ndarray]]:
    started = time.perf_counter()
    try:
        found = predictor.predict(tuple(question["texts"]), raw=question["raw"])
    except Exception as error:  # one text must not end the process; its message may quote it
        return {"failed": type(error).__name__}, wire.NO_ARRAYS
    return {"seconds": time.perf_counter() - started}, found


def _send(
    connection: socket.socket,
    header: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray] = wire.NO_ARRAYS,
) -> None:
    for part in wire.packed(header, arrays):
        connection.sendall(part)


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, ConnectionResetError):  # the server is gone
        sys.exit(1)
