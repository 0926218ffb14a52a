"""What a call of the library leaves in its caller's process: nothing."""

import json
import subprocess
import sys

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
