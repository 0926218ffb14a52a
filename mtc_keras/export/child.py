"""Runs a module as `python -m` does, and ends with the process that has started it.

A parent that is killed cannot end its child, which would write into a folder that the next export
removes or takes for its own.

    python -m mtc_keras.export.child PARENT MODULE [ARGUMENT ...]
"""

import os
import runpy
import sys
import threading
import time

SECONDS_BETWEEN_LOOKS = 0.2


def main() -> None:
    parent, module, *arguments = sys.argv[1:]
    threading.Thread(target=_end_with, args=[int(parent)], daemon=True).start()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os._exit(1)


if __name__ == "__main__":
    main()
