"""The report at the end of a training: of what is in memory, so that nothing is predicted again."""

from collections.abc import Sequence

from mtc_keras.config import Config
from mtc_keras.files import parse_json, read_json
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.report.account import Account
from mtc_keras.report.judged import Judged
from mtc_keras.train.data import TrainingData
from mtc_keras.train.making import RunInMaking


def report(
    config: Config,
    data: TrainingData,
    model: MultiTaskClassifier,
    splits: Sequence[Judged],
    run: RunInMaking,
) -> None:
    """Writes `report.html` into a run whose other files are there, unless the config says no.

    Whatever goes wrong is a line of the log: a report costs no training its run.

    Args:
        config: the `Config`.
        data: the splits.
        model: the kept model.
        splits: what `judge` returned.
        run: the run.
    """
    if not config.report.enabled or not run.writer.is_kept:
        return
    from mtc_keras.report.reporting import report_in_passing  # it imports what draws

    read = run.writer.path
    account = Account(
        name=run.writer.final.name,
        config=config.model_copy(update={"tasks": {task.name: task for task in data.tasks}}),
        tasks=tuple(model.tasks),
        decisions=model.decisions,
        metrics=read_json(read("metrics.json")),  # NaN as the null that anybody else reads
        history=[parse_json(line) for line in read("history.jsonl").read_bytes().splitlines()],
        environment=read_json(read("environment.json")),
        loss_weights=data.loss_weights,
        judged=tuple(splits),
        model=lambda: model,
    )
    if note := report_in_passing(account, run.writer.directory):
        run.log.line(note)
