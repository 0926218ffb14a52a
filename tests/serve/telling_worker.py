"""A real worker that writes which modules it has loaded into the file that `MODULES` names."""

import json
import os
import sys
from pathlib import Path

from mtc_keras.serve import worker

answer = worker._answer


def telling(predictor, question):
    found = answer(predictor, question)
    Path(os.environ["MODULES"]).write_text(json.dumps(list(sys.modules)), encoding="utf-8")
    return found


if __name__ == "__main__":
    worker._answer = telling
    worker.main()
