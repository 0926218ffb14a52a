"""What a process does with memory that it frees, looked at in processes of their own."""

import platform
import subprocess
import sys

import pytest

from tests.conftest import ROOT

ALLOCATE = """
import ctypes, resource, sys
from mtc_keras.devices.startup import owned_process, start

if sys.argv[1] == "program":
    with owned_process():
        start()
if sys.argv[1] == "library":
    start()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
size = 64 * 2**20

def touch():
    address = ctypes.c_void_p(libc.malloc(ctypes.c_size_t(size)))
    libc.memset(address, 1, ctypes.c_size_t(size))
    libc.free(address)

touch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    touch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(way):
    done = subprocess.run(
        [sys.executable, "-c", ALLOCATE, way],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_a_program_does_not_ask_for_freed_memory_again_and_a_library_leaves_that_to_its_caller():
    untouched = page_faults("as it is")
    assert 10 * page_faults("program") < untouched
    assert 10 * page_faults("library") > 9 * untouched
