"""Prediction in bulk on a Ray cluster: actors that load the model once and write the parts."""

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mtc_keras.devices.startup import owned_process
from mtc_keras.errors import ConfigError, DataError
from mtc_keras.files import json_line
from mtc_keras.predict.bulk.job import Job, Part
from mtc_keras.predict.bulk.part_predictor import PartPredictor

CLUSTER = "RAY_ADDRESS"  # where Ray itself looks for the address of a cluster


class PartActor:
    """An actor.

    Args:
        job: the `Job`.
        parts: the `Part`s; batches name them by position.
    """

    def __init__(self, job: Job, parts: Sequence[Part]) -> None:
        with owned_process():  # Ray started it for this
            self.predictor = PartPredictor(job)
        self.parts = parts

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list[str]]:
        found = [self._predict(self.parts[position]) for position in batch["item"].tolist()]
        return {"record": [json_line(record) for record in found]}

    def _predict(self, part: Part) -> dict[str, Any]:
        try:
            return self.predictor.predict(part)
        except DataError as error:  # Ray would wrap it in an error of its own
            return {"error": error.headline, "problems": error.problems}


def predict_on_ray(
    job: Job, parts: Sequence[Part], workers: int | None = None
) -> Iterator[dict[str, Any]]:
    """Predicts parts by Ray Data, on the cluster of `$RAY_ADDRESS` or one of this machine alone.

    Model, input and output must lie under the same paths on all its machines.

    Args:
        job: the `Job`.
        parts: the `Part`s.
        workers: optional int. Actors; default: one per GPU, or else one per machine.

    Returns:
        An iterator of what `PartPredictor.predict` returned of each part, as they are done.

    Raises:
        ConfigError: if Ray is not installed, or its cluster is smaller than `workers`.
        DataError: while they are iterated over, if a part cannot be predicted.
    """
    ray = _started()
    try:
        gpus = int(ray.cluster_resources().get("GPU", 0))
        most = gpus or int(ray.cluster_resources().get("CPU", 1))
        count = min(workers or gpus or len(ray.nodes()), len(parts))
        if count > most:
            raise ConfigError(
                f"--workers {count} needs as many {'GPUs' if gpus else 'CPUs'}; "
                f"the cluster has {most}"
            )
        ray.data.DataContext.get_current().enable_progress_bars = False  # there is one already
        # Items, which need no task to be read: it would wait for a CPU that the actors hold.
        positions = ray.data.from_items(list(range(len(parts))), override_num_blocks=len(parts))
        predicted = positions.map_batches(
            PartActor,
            fn_constructor_args=(job, parts),
            batch_size=1,
            num_gpus=1 if gpus else None,
            num_cpus=None if gpus else 1,
            compute=ray.data.ActorPoolStrategy(size=count),
        )
    except BaseException:
        ray.shutdown()
        raise
    return _records(ray, predicted)


def _records(ray: Any, predicted: Any) -> Iterator[dict[str, Any]]:
    try:
        for row in predicted.iter_rows():
            record = json.loads(row["record"])
            if "error" in record:
                raise DataError(record["error"], record["problems"])
            yield record
    finally:
        ray.shutdown()


def _started() -> Any:
    """Returns the module `ray`, connected to a cluster."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anyone
    try:
        import ray
        import ray.data
    except ImportError:
        raise ConfigError(
            "--engine ray needs the package ray: pip install 'mtc-keras[ray]'"
        ) from None
    options: dict[str, Any] = {"logging_level": "warning", "log_to_driver": False}
    if CLUSTER not in os.environ:
        options |= {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    ray.init(**options)
    return ray
