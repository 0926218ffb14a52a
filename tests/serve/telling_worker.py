"""A real worker that writes its modules and environment into the file that `TOLD` names."""

import json
import os
import sys
from pathlib import Path

from mtc_keras.serve.workers import worker

answer = worker._answer


def telling(predictor, question):
    found = answer(predictor, question)
    told = {"modules": list(sys.modules), "environment": dict(os.environ)}
    Path(os.environ["TOLD"]).write_text(json.dumps(told), encoding="utf-8")
    return found


if __name__ == "__main__":
    worker._answer = telling
    worker.main()
