"""Whether one joint model is worth it: trained and compared with one model per task."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtc_keras.config import Config, load_config
from mtc_keras.devices.startup import start
from mtc_keras.errors import ConfigError, check_count
from mtc_keras.files import (
    check_folder,
    held,
    parents_made,
    readable_json,
    resolved,
    to_json,
    write_whole,
)
from mtc_keras.model.backbones.names import check_backbone
from mtc_keras.run.output import check_output

if TYPE_CHECKING:
    from mtc_keras.console.log import Log

RESAMPLES = 1000
MOST_SEEDS = 1000
LOG, PAGE = "compare.log", "comparison.html"


@dataclass(frozen=True, eq=False)
class Comparison:
    """What a joint model gives and costs beside other approaches to the same tasks.

    Args:
        directory: where the runs, `compare.json`, `compare.log` and `comparison.html` are.
        seeds: the seeds of the trainings.
        resamples: int. Drawings of test rows behind the intervals.
        test_rows: int. Number of test rows.
        tasks: for each task its `metric`, labelled `rows`, `scores` by approach, and
            `joint_against` each other approach: the `difference`, its 95 % interval from `low`
            to `high`, and the `verdict`.
        costs: for each approach its `models` and what they cost, in seconds and bytes, and how
            many times the joint model's that is.
    """

    directory: Path
    seeds: tuple[int, ...]
    resamples: int
    test_rows: int
    tasks: dict[str, dict[str, Any]]
    costs: dict[str, dict[str, float]]

    def to_dict(self) -> dict[str, Any]:
        """Returns what `compare.json` holds, as JSON values."""
        return to_json(
            {
                "seeds": self.seeds,
                "resamples": self.resamples,
                "test_rows": self.test_rows,
                "tasks": self.tasks,
                "costs": self.costs,
            }
        )

    def show(self, log: "Log") -> None:
        """Shows the comparison as tables."""
        from mtc_keras.compare.tables import show

        show(log, self.to_dict())


def compare_approaches(
    config: Config | str | Path,
    seeds: int = 1,
    *,
    binary: bool = False,
    overwrite: bool = False,
    resamples: int = RESAMPLES,
    verbose: int = 1,
) -> Comparison:
    """Trains a joint model and one model per task, and compares them on the test rows.

    Every model leaves a run directory under `<output.directory>_compare`; one that is
    there already, from the same config and data files, is not trained again, and one that was
    stopped is resumed from its checkpoint. Each training seeds Python, NumPy and Keras.

    Args:
        config: the `Config` of the joint model, or the path of a TOML file; it needs two or
            more tasks and a test split.
        seeds: int. Trainings of each model, from the config's seed on.
        binary: bool. Whether to compare with one multilabel task of all classes, too.
        overwrite: bool. Whether to train again and replace existing runs.
        resamples: int. Drawings of test rows behind the intervals.
        verbose: 0 for silence, 1 for progress and tables, 2 for every class, too.

    Returns:
        The `Comparison`, which `compare.json` in its directory holds, too.

    Raises:
        ConfigError: for a mistake in the config.
        DataError: for a mistake in the data.

    Example:

    ```python
    comparison = mtc_keras.compare_approaches("configs/quickstart.toml")
    comparison.tasks["sentiment"]["joint_against"]["single"]["verdict"]
    ```
    """
    if not isinstance(config, Config):
        config = load_config(config)
    check_request(config, seeds, binary)
    where = f"output.directory: {config.output.directory!r}"
    resolved(config.output.directory, where)
    directory = compared_directory(config)
    check_folder(directory, where, renamed=False)
    check_compared(directory)
    check_backbone(config.model)
    owned = directory.resolve()
    with parents_made(owned), held(owned, f"comparison {str(directory)!r}"):
        return _compare(
            config, seeds, binary=binary, overwrite=overwrite, resamples=resamples, verbose=verbose
        )


def _compare(
    config: Config, seeds: int, *, binary: bool, overwrite: bool, resamples: int, verbose: int
) -> Comparison:
    from mtc_keras.data.reading import read_splits

    dataset = read_splits(config)
    if dataset.test is None:
        raise ConfigError(
            "a comparison needs test rows: name their files in data.test, or data.split"
        )

    alone = config.distribution.model_copy(update={"processes": 1, "coordinator": None})
    start(alone, batch_size=config.training.batch_size, seed=config.seed)
    from mtc_keras.compare.models import by_approach, costs, measure, trainings
    from mtc_keras.console.log import Log
    from mtc_keras.scoring.intervals import compare_scores

    directory = compared_directory(config)
    planned = list(trainings(config, dataset, directory, seeds, binary))
    waiting = [training for training in planned if overwrite or not training.is_done()]
    for training in waiting:
        check_output(training.config.output.directory, overwrite, resume=not overwrite)

    directory.mkdir(parents=True, exist_ok=True)
    with Log(directory / LOG, quiet=verbose == 0) as log:
        log.line(f"{len(waiting)} of {len(planned)} models are still to be trained")
        outcomes = []
        for training in planned:
            if training in waiting:
                log.line(f"\ntraining {training.config.output.directory}")
                training.train(verbose, resume=not overwrite)
            outcomes.append(measure(training, dataset.test))
        log.line(f"\ncomparing on {resamples:,} drawings of the test rows")
        comparison = Comparison(
            directory=directory,
            seeds=tuple(range(config.seed, config.seed + seeds)),
            resamples=resamples,
            test_rows=len(dataset.test),
            tasks={
                task.name: compare_scores(
                    task,
                    dataset.test.targets[task.name],
                    by_approach(task, outcomes),
                    resamples,
                )
                for task in dataset.tasks
            },
            costs=costs(outcomes, seeds),
        )
        comparison.show(log)
        write_whole(directory / "compare.json", readable_json(comparison.to_dict()))
        _write_page(comparison, log)
    return comparison


def _write_page(comparison: Comparison, log: "Log") -> None:
    """Writes the comparison to be looked at; what was found stands whether it can be or not."""
    from mtc_keras.compare.page import comparison_page
    from mtc_keras.pages import write_page

    try:
        write_page(comparison_page(comparison.to_dict()), comparison.directory / PAGE)
    except ConfigError as error:
        log.line(f"the page is not written: {error}")


def compared_directory(config: Config) -> Path:
    """Returns where the comparison of a config leaves its runs and tables."""
    return Path(f"{Path(config.output.directory).expanduser()}_compare")


def check_compared(directory: Path) -> None:
    """Checks that a folder is one that a comparison made, or none.

    Raises:
        ConfigError: if it holds something else.
    """
    names = {path.name for path in directory.iterdir()} if directory.is_dir() else set()
    if names - {LOG} and not any(directory.glob("seed_*")):
        raise ConfigError(
            f"output.directory: {str(directory)!r}, where the comparison would be written, holds "
            "files that are none; choose another (--set output.directory=…)"
        )


def check_request(config: Config, seeds: int, binary: bool) -> None:
    """Checks what can be checked before the data are read.

    Raises:
        ConfigError: if there is nothing to compare.
    """
    if len(config.tasks) < 2:
        raise ConfigError("a comparison needs two or more tasks; the config has one")
    check_count("--seeds", seeds, MOST_SEEDS)
    if binary and not any(task.has_classes for task in config.task_list):
        raise ConfigError("--with binary needs a task that has classes; the config has none")
