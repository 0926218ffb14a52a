"""What all protocols ask of the engine, with the errors that a request gets."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from starlette.requests import Request

from mtc_keras.export.saved_model.ask import INPUTS
from mtc_keras.serve.http.bad_request import BadRequest
from mtc_keras.serve.http.bodies import Bodies
from mtc_keras.serve.http.leaving import unless_client_leaves
from mtc_keras.serve.http.metrics import Metrics
from mtc_keras.serve.refusals import Draining, NoVersion
from mtc_keras.serve.served_model import Model

if TYPE_CHECKING:
    from mtc_keras.serve.engine import Engine

MOST_DIGITS = 18  # of a version, which is an int64


@dataclass(frozen=True, eq=False)
class Answered:
    """Predictions, and the model that made them.

    Args:
        model: the `Model`.
        probabilities: dict from task to float32 of shape `(N, C)`, or `(N,)`.
    """

    model: Model
    probabilities: dict[str, np.ndarray]


class Service:
    """The engine, as requests ask it.

    Args:
        engine: the `Engine`.
        metrics: the `Metrics`.
    """

    def __init__(self, engine: "Engine", metrics: Metrics) -> None:
        self.engine, self.metrics = engine, metrics
        self.bodies = Bodies(engine.limits)

    def check_name(self, request: Request) -> None:
        """Checks that a request names the model that is served.

        Raises:
            BadRequest: if it names another.
        """
        name = request.path_params["name"]
        if name != self.engine.name:
            # As TensorFlow Serving says it, which does not say what there is.
            raise BadRequest(
                f"Servable not found for request: Latest({name}); the model here is called "
                f'"{self.engine.name}"',
                404,
                "model",
            )

    def version(self, request: Request) -> int | None:
        """Returns the version that a request's path asks for.

        Raises:
            BadRequest: if it is no number.
        """
        version = request.path_params.get("version")
        if version is None:
            return None
        if not (version.isascii() and version.isdecimal()):
            raise BadRequest("a version must be a whole number", 400, "version")
        if len(version) > MOST_DIGITS:
            raise BadRequest("a version has at most 18 digits", 400, "version")
        return int(version)

    def model(self, request: Request) -> Model:
        """Returns the model that a request asks for, of the newest version if it names none.

        Raises:
            BadRequest: if it names another model, or a version that there is not.
            Draining: if none is loaded yet, or any more.
        """
        self.check_name(request)
        version = self.version(request)
        try:
            return self.engine.model(version)
        except NoVersion:
            if version is None:
                raise Draining("no version of the model is ready") from None
            name = self.engine.name
            raise BadRequest(
                f"Servable not found for request: Specific({name}, {version})", 404, "version"
            ) from None

    async def predict(
        self,
        request: Request,
        model: Model,
        columns: tuple[list[str], ...],
        *,
        protocol: str,
        raw: bool = False,
    ) -> Answered:
        """Returns the predictions of a request's texts.

        Args:
            request: the request, whose body has been read.
            model: the `Model` that it asks for.
            columns: N ≥ 0 strings for each input.
            protocol: str. What the metrics call its protocol.
            raw: bool. Whether temperatures are left out.

        Raises:
            ClientLeft: if the client leaves before.
            Refused: if the engine does not answer.
            UserError: if the model cannot do what is asked.
        """
        if not columns[0]:
            return Answered(model, _nothing(model))

        async def answered() -> Answered:
            # While the body was read, a new version may have come. From here to the engine's queue
            # nothing is waited for, so that this is the one that answers.
            found = self.model(request)
            answer = await self.engine.predict(columns, version=self.version(request), raw=raw)
            return Answered(found, answer.probabilities)

        found = await unless_client_leaves(request, answered())
        self.metrics.rows(protocol, len(columns[0]))
        return found


def inputs_of(model: Model) -> tuple[str, ...]:
    """Returns the names of a model's inputs: `text`, and `text_pair` where rows have two."""
    return INPUTS[: len(model.data.text_columns)]


def _nothing(model: Model) -> dict[str, np.ndarray]:
    return {
        task.name: np.zeros((0, len(task.shown_classes)) if task.has_probabilities else 0, "f4")
        for task in model.tasks
    }
