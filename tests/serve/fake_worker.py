"""A worker that computes nothing, starts in no time, and does what its texts tell it to.

Started as `mtc_keras.serve.workers.worker` is. The number of a text is how many letters it has, in
the last column of each task, and the version in the first. A text may say `die`, `hang`, `raise`,
`slow`, `tardy` (each takes its time), `nan` or `nonsense`.
A version that holds a file `broken` is refused.
"""

import argparse
import os
import signal
import socket
import time
from pathlib import Path

import numpy as np

from mtc_keras.serve.workers import wire

WIDTHS = {"mood": (3,), "topics": (4,), "grade": (4,), "length": ()}
SLOW, TARDY = 0.2, 0.005  # seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", type=int)
    parser.add_argument("--model", type=Path)
    args, _ = parser.parse_known_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    connection = socket.socket(fileno=args.socket)
    questions = connection.makefile("rb")
    if (args.model / "broken").exists():
        send(connection, {"refused": "it is broken", "problems": ["model.onnx: is empty"]})
        return
    send(connection, {"ready": 0.0})
    version = int(args.model.name) if args.model.name.isdigit() else 0
    while (message := wire.receive(questions)) is not None:
        send(connection, *answer(message[0]["texts"], version))


def answer(columns, version):
    texts = ["".join(row) for row in zip(*columns, strict=True)]
    if any("die" in text for text in texts):
        os._exit(9)
    if any("hang" in text for text in texts):
        time.sleep(600)
    if any("raise" in text for text in texts):
        return {"failed": "ValueError"}, {}
    if any("nonsense" in text for text in texts):
        return {"seconds": 0.0}, {"mood": np.zeros((len(texts) + 1, 3), "float32")}
    if any("slow" in text for text in texts):
        time.sleep(SLOW)
    time.sleep(TARDY * sum("tardy" in text for text in texts))
    lengths = np.array([len(text) for text in texts], "float32")
    lengths[["nan" in text for text in texts]] = np.nan
    found = {}
    for task, width in WIDTHS.items():
        found[task] = np.zeros((len(texts), *width), "float32")
        if width:
            found[task][:, 0] = version
        found[task].T[-1 if width else ...] = lengths
    return {"seconds": 0.0}, found


def send(connection, header, arrays=wire.NO_ARRAYS):
    for part in wire.packed(header, arrays):
        connection.sendall(part)


if __name__ == "__main__":
    main()
