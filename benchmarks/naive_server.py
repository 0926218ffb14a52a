"""A FastAPI server as one writes it in ten lines: every request is one forward pass of its own.

Usage: python -m benchmarks.naive_server MODEL --port PORT
"""

import argparse
import contextlib
import threading
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from mtc_keras.predict.exports import ExportPredictor
from mtc_keras.predict.predictors import open_predictor


class Question(BaseModel):
    """What TensorFlow Serving's REST takes of texts."""

    instances: list[str]


def create_app(path: Path) -> FastAPI:
    """Returns a server of a run or an export."""
    predictor = open_predictor(path)
    predictor.load()
    # Exports are asked by several threads at once, as FastAPI has it; Keras by one.
    is_export = isinstance(predictor, ExportPredictor)
    turn: Any = contextlib.nullcontext() if is_export else threading.Lock()
    app = FastAPI()

    @app.get("/")
    def ready() -> str:
        return "ready"

    @app.post("/v1/models/{name}:predict")
    def predict(name: str, question: Question) -> dict[str, list[dict[str, Any]]]:
        with turn:
            found = predictor.predict((question.instances,))
        values = {task: numbers.tolist() for task, numbers in found.items()}
        rows = zip(*values.values(), strict=True)
        return {"predictions": [dict(zip(values, row, strict=True)) for row in rows]}

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--port", type=int, required=True)
    args = parser.parse_args()
    uvicorn.run(create_app(args.model), port=args.port, log_level="warning", access_log=False)
