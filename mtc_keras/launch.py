"""Starts the processes of one training on this machine.

What process 0 prints is shown, and what the first one to fail printed. That one
ends the others, and its exit code is this program's. Where there are GPUs, each
process gets one. The processes find each other through environment variables.

    mtc-keras launch 2 -- train --config configs/x.toml
    mtc-keras launch 2 -- python my_training.py
"""

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from types import FrameType
from typing import IO

from mtc_keras.errors import ConfigError, check_count
from mtc_keras.programs.program import Program

MOST_PROCESSES = 1024  # on one machine
GRACE_SECONDS = 20.0  # for the others to end by themselves, after the first has failed


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.usage = "%(prog)s [-h] N -- COMMAND [OPTION ...]"
    parser.add_argument("processes", type=int, metavar="N", help="number of processes, 1 or more")
    parser.add_argument(
        "command",
        nargs="+",
        metavar="COMMAND",
        help="what each of them runs: train and its options, or any command",
    )


def run(args: argparse.Namespace) -> int:
    check_count("N", args.processes, MOST_PROCESSES)
    command = list(args.command)
    if command[0] == "train":  # by this Python, which need not be the first in PATH
        command = [sys.executable, "-m", "mtc_keras", *command]
    elif shutil.which(command[0]) is None:
        raise ConfigError(
            f"command {command[0]!r} is not found; give `train` and its options, or a command "
            "such as `python my_training.py`"
        )
    return launch(args.processes, command)


def launch(count: int, command: list[str]) -> int:
    """Runs the processes to their end.

    Args:
        count: int. Number of processes, 1 or more.
        command: the program that each of them runs, and its arguments.

    Returns:
        The exit code of the first process that fails, else 0; of one that a signal ended, 128
        and the signal's number, as shells count.
    """
    address = f"127.0.0.1:{_free_port()}"
    with contextlib.ExitStack() as files:
        # What processes other than 0 print is only shown of the one that fails.
        outputs = [files.enter_context(tempfile.TemporaryFile()) for _ in range(1, count)]
        processes = [
            subprocess.Popen(
                command,
                env={**os.environ, **_environment(address, count, number)},
                stdout=None if number == 0 else outputs[number - 1],
                stderr=None if number == 0 else subprocess.STDOUT,
            )
            for number in range(count)
        ]
        _pass_signals_on(processes)
        failed = _first_failure(processes)
        if failed is None:
            return 0
        _end(processes)
        if failed > 0:
            _show(outputs[failed - 1], failed)
        code = processes[failed].returncode
        return 128 - code if code < 0 else code


def _environment(address: str, count: int, number: int) -> dict[str, str]:
    """Returns the variables from which a process finds the others."""
    return {
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": address,
        "KERAS_DISTRIBUTION_NUM_PROCESSES": str(count),
        "KERAS_DISTRIBUTION_PROCESS_ID": str(number),
        "JAX_LOCAL_DEVICE_IDS": str(number),  # of GPUs; CPUs are not affected
        "JAX_CPU_COLLECTIVES_IMPLEMENTATION": "gloo",
    }


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _pass_signals_on(processes: list["subprocess.Popen[bytes]"]) -> None:
    def pass_on(received: int, _: FrameType | None) -> None:
        for process in processes:
            process.send_signal(received)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to all of them


def _first_failure(processes: list["subprocess.Popen[bytes]"]) -> int | None:
    """Waits; returns the number of the first process that fails, or `None` when all are done."""
    while True:
        codes = [process.poll() for process in processes]
        for number, code in enumerate(codes):
            if code:
                return number
        if all(code == 0 for code in codes):
            return None
        time.sleep(0.1)


def _end(processes: list["subprocess.Popen[bytes]"]) -> None:
    """Lets the processes end by themselves, and kills what is left after a while."""
    deadline = time.monotonic() + GRACE_SECONDS
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _show(output: IO[bytes], number: int) -> None:
    output.seek(0)
    print(f"process {number} failed; it printed:", file=sys.stderr)
    sys.stderr.write(output.read().decode("utf-8", "replace"))


PROGRAM = Program("launch", "start a training on several processes", __doc__, add_options, run)
main = PROGRAM.main

if __name__ == "__main__":
    sys.exit(main())
