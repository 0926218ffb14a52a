"""What a call of the library leaves in its caller's process: nothing. What a program copes with."""

import argparse
import errno
import json
import subprocess
import sys

import pytest

from mtc_keras.programs.command import run_program
from tests.conftest import ROOT

FIT = """
import ctypes, json, os, signal, sys
import mtc_keras
import jax, keras_hub, tensorflow_text  # they set variables of their own when they are imported

jax.devices()
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(9))

called = []
real = ctypes.CDLL

class Watched(real):
    def __getattr__(self, name):
        if name == "mallopt":
            called.append(name)
        return super().__getattr__(name)

ctypes.CDLL = Watched

def state():
    return {
        "environment": dict(os.environ),
        "stderr": os.fstat(2).st_ino,
        "handlers": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)],
        "allocator": list(called),
    }

seen = []
sent = os.dup2
os.dup2 = lambda *fds, **options: (seen.append(fds), sent(*fds, **options))[1]

from tests.conftest import rows, tiny_config
before = state()
run = mtc_keras.fit(tiny_config(sys.argv[1]), train=rows(32), validation=rows(16, 1), verbose=0)
assert run.metrics["best_epoch"]
after = state()
print(json.dumps({"before": before, "after": after, "dup2": [list(fds) for fds in seen]}))
"""


def test_fit_leaves_environment_stderr_signals_and_allocator_as_they_are(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FIT, str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["before"] == found["after"]
    assert found["after"]["allocator"] == []
    assert [fds for fds in found["dup2"] if fds[1] == 2] == []


PRINTING = """
import os, sys
from mtc_keras.console.log import Log
from mtc_keras.programs.command import run_program

def program(args):
    print("lost")
    Log().line("lost, too")
    print("lost", file=sys.stderr)
    for descriptor in (1, 2):  # as C++ code prints
        os.write(descriptor, b"lost")
    with open(sys.argv[1], "w") as file:
        assert file.fileno() > 2

sys.exit(run_program(program, None))
"""


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_program_does_its_work_where_nobody_reads_what_it_prints(closed, tmp_path):
    done = subprocess.run(
        ["bash", "-c", f'exec "$@" {closed}', "-", sys.executable, "-c", PRINTING, tmp_path / "x"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x").read_text() == ""
    assert (done.stdout == "") == (">&-" in closed.split())


def test_what_may_not_be_written_ends_with_one_message(capsys):
    def program(args):
        raise PermissionError(errno.EACCES, "Permission denied", "run.json")

    assert run_program(program, argparse.Namespace()) == 2
    expected = "error: not permitted: [Errno 13] Permission denied: 'run.json'\n"
    assert capsys.readouterr() == ("", expected)
