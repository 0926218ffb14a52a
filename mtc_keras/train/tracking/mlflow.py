"""MLflow: a server, a database or a folder, by its client."""

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mtc_keras.train.tracking.tracker import (
    Link,
    TrackedRun,
    Tracker,
    parameter_text,
    variables,
    without_credentials,
)

EXPERIMENT = "mtc_keras"  # unless MLFLOW_EXPERIMENT_NAME names another
DIRECTORY_TAG = "mtc_keras.run_directory"
_MOST_PARAMETERS, _MOST_METRICS = 100, 1000  # that a server takes at once
_ODD = re.compile(r"[^\w\-./ :]")


class MlflowTracker(Tracker):
    """Sends a run to MLflow.

    Args:
        uri: a server (`https://…`), a database (`sqlite:///x.db`), or a folder (`file:mlruns`).
    """

    name = "mlflow"
    hint = "look whether the server of tracking.mlflow can be reached"

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def begin(self, run: TrackedRun, earlier: Link) -> Link:
        with self._settings():
            from mlflow import MlflowClient
            from mlflow.entities import Param

            self._client = MlflowClient(tracking_uri=self.uri)
            where = without_credentials(self.uri)
            if earlier.get("uri") == where and "run_id" in earlier:
                self._run = earlier["run_id"]
                self._client.update_run(self._run, status="RUNNING")
                return earlier
            experiment = self._experiment()
            tags = {DIRECTORY_TAG: str(run.directory)}
            created = self._client.create_run(experiment, run_name=run.name, tags=tags)
            self._run = created.info.run_id
            parameters = [
                Param(_ODD.sub("_", key), parameter_text(value) or '""')
                for key, value in run.parameters.items()
            ]
            for start in range(0, len(parameters), _MOST_PARAMETERS):
                some = parameters[start : start + _MOST_PARAMETERS]
                self._client.log_batch(self._run, params=some)
        link = {"uri": where, "experiment_id": experiment, "run_id": self._run}
        if urlsplit(self.uri).scheme in ("http", "https"):
            place = f"{where.rstrip('/')}/#/experiments/{experiment}/runs/{self._run}"
            link["url"] = place
        return link

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        with self._settings():
            from mlflow.entities import Metric

            now = int(1000 * time.time())
            metrics = [
                Metric(_ODD.sub("_", name), number, now, step) for name, number in numbers.items()
            ]
            for start in range(0, len(metrics), _MOST_METRICS):
                some = metrics[start : start + _MOST_METRICS]
                self._client.log_batch(self._run, metrics=some)

    def finish(self, files: Sequence[Path]) -> None:
        with self._settings():
            for file in files:
                self._client.log_artifact(self._run, str(file))
            self._client.set_terminated(self._run)

    def stop(self, is_failed: bool) -> None:
        with self._settings():
            self._client.set_terminated(self._run, "FAILED" if is_failed else "KILLED")

    def _experiment(self) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        found: Any = self._client.get_experiment_by_name(name)
        return str(found.experiment_id if found else self._client.create_experiment(name))

    @contextmanager
    def _settings(self) -> Iterator[None]:
        """Has the client send nothing but the run, and give up a server that does not answer soon.

        By default it would report its use to its makers, and try for four minutes.
        """
        is_folder = urlsplit(self.uri).scheme in ("", "file")
        with variables(
            MLFLOW_DISABLE_TELEMETRY="true",
            MLFLOW_HTTP_REQUEST_MAX_RETRIES="2",
            MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR="1",
            MLFLOW_HTTP_REQUEST_TIMEOUT="20",
            # MLflow 3 asks for it, as it develops its databases and no more its folders.
            **({"MLFLOW_ALLOW_FILE_STORE": "true"} if is_folder else {}),
        ):
            yield
