"""Serves a model, asks it as several clients do, and prints answers and the modules of the server.

`python -m tests.serve.asking_engine PATH`, in a process of its own, as others have imported much.
"""

import asyncio
import json
import sys

from mtc_keras.export.texts import TEXTS
from mtc_keras.serve.engine import Engine
from mtc_keras.serve.limits import Limits


async def asked(path: str) -> dict:
    engine = Engine(path, "tiny", Limits(), module="tests.serve.telling_worker")
    await engine.start()
    parts = [TEXTS[start : start + 3] for start in range(0, len(TEXTS), 3)]
    answers = await asyncio.gather(*(engine.predict((part,)) for part in parts))
    model = engine.model()
    await engine.drain()
    return {
        "format": model.format,
        "max_length": model.max_length,
        "tokens": [answer.tokens for answer in answers],
        "answers": {
            task.name: [row for a in answers for row in a.probabilities[task.name].tolist()]
            for task in model.tasks
        },
    }


if __name__ == "__main__":
    found = asyncio.run(asked(sys.argv[1]))
    print(json.dumps({**found, "modules": list(sys.modules)}))
