#!/usr/bin/env python3
"""Starts the processes of one training on this machine.

    scripts/launch_local.py 2 -- python -m mtc_keras.train --config configs/x.toml

The processes find each other through the environment (docs/distribution.md). What process 0
prints is shown, and what the first one to fail printed. That one ends the others, and its exit
code is this program's. Where there are GPUs, each process gets one.
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

GRACE_SECONDS = 20.0  # for the others to end by themselves, after the first has failed


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="launch_local.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("processes", type=int, metavar="N", help="number of processes, 1 or more")
    parser.add_argument("command", nargs="+", metavar="-- COMMAND", help="what each of them runs")
    args = parser.parse_args()
    if args.processes < 1:
        parser.error(f"N must be 1 or more, received {args.processes}")
    if shutil.which(args.command[0]) is None:
        parser.error(f"command {args.command[0]!r} is not found")
    return launch(args.processes, args.command)


def launch(count: int, command: list[str]) -> int:
    """Runs the processes to their end; returns the exit code of the first that fails, else 0."""
    with contextlib.ExitStack() as files:
        # Those of all but process 0.
        outputs = [files.enter_context(tempfile.TemporaryFile()) for _ in range(1, count)]
        return run(count, command, outputs)


def run(count: int, command: list[str], outputs: list[IO[bytes]]) -> int:
    """Starts the processes, waits for them, and shows what one that failed printed."""
    address = f"127.0.0.1:{free_port()}"
    processes = [
        subprocess.Popen(
            command,
            env={**os.environ, **environment(address, count, number)},
            stdout=None if number == 0 else outputs[number - 1],
            stderr=None if number == 0 else subprocess.STDOUT,
        )
        for number in range(count)
    ]

    def pass_on(received: int, _: FrameType | None) -> None:
        for process in processes:
            process.send_signal(received)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to all of them
    failed = first_failure(processes)
    if failed is None:
        return 0
    end(processes)
    if failed > 0:
        show(outputs[failed - 1], failed)
    code = processes[failed].returncode
    return 128 - code if code < 0 else code


def environment(address: str, count: int, number: int) -> dict[str, str]:
    """Returns what tells a process where the others are."""
    return {
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": address,
        "KERAS_DISTRIBUTION_NUM_PROCESSES": str(count),
        "KERAS_DISTRIBUTION_PROCESS_ID": str(number),
        "JAX_LOCAL_DEVICE_IDS": str(number),  # of GPUs; CPUs are not affected
        "JAX_CPU_COLLECTIVES_IMPLEMENTATION": "gloo",
    }


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def first_failure(processes: list["subprocess.Popen[bytes]"]) -> int | None:
    """Waits; returns the number of the first process that fails, or `None` when all are done."""
    while True:
        codes = [process.poll() for process in processes]
        for number, code in enumerate(codes):
            if code:
                return number
        if all(code == 0 for code in codes):
            return None
        time.sleep(0.1)


def end(processes: list["subprocess.Popen[bytes]"]) -> None:
    """Lets the processes end by themselves, and kills what is left after a while."""
    deadline = time.monotonic() + GRACE_SECONDS
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def show(output: IO[bytes], number: int) -> None:
    output.seek(0)
    print(f"process {number} failed; it printed:", file=sys.stderr)
    sys.stderr.write(output.read().decode("utf-8", "replace"))


if __name__ == "__main__":
    sys.exit(main())
