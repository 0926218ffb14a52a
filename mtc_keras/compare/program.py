"""Is one joint model worth it?

Trains the joint model and one model per task, and compares their scores on the
test rows and what they cost.

    mtc-keras compare --config configs/x.toml --seeds 3
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtc_keras.config import Config, load_config
from mtc_keras.devices.startup import start
from mtc_keras.errors import ConfigError
from mtc_keras.files import readable_json, to_json, write_whole
from mtc_keras.model.backbones import check_backbone
from mtc_keras.programs import options
from mtc_keras.programs.program import Program
from mtc_keras.run.output import check_output

if TYPE_CHECKING:
    from rich.table import Table

    from mtc_keras.console.log import Log

RESAMPLES = 1000
UNITS = {"training_seconds": 1.0, "model_bytes": 1e6, "prediction_seconds": 1.0}


def compare(
    config: Config,
    seeds: int = 1,
    binary: bool = False,
    overwrite: bool = False,
    resamples: int = RESAMPLES,
    verbose: int = 1,
) -> dict[str, Any]:
    """Compares a joint model with one model a task, on the test rows.

    Every model leaves a run directory under `<output.directory>_compare`; one that is
    there already, from the same config and data files, is not trained again, and one that was
    stopped goes on from its checkpoint.

    Args:
        config: the `Config` of the joint model; it needs two or more tasks and a test split.
        seeds: int. Trainings of each model, from the config's seed on.
        binary: bool. Whether to compare with one multilabel task of all classes, too.
        overwrite: bool. Whether to train anew, in place of runs that are there.
        resamples: int. Drawings of test rows behind the intervals.
        verbose: 0 for silence, 1 for progress and tables, 2 for every class, too.

    Returns:
        What `compare.json` holds: `seeds`, `resamples`, `test_rows`, `tasks` and `costs`.

    Raises:
        ConfigError: for a mistake in the config.
        DataError: for a mistake in the data.
    """
    check_request(config, seeds, binary)
    check_backbone(config.model)
    from mtc_keras.data.reading import read_splits

    dataset = read_splits(config)
    test = dataset.test
    if test is None:
        raise ConfigError("a comparison needs test rows: name their files in data.test")

    alone = config.distribution.model_copy(update={"processes": 1, "coordinator": None})
    start(alone, batch_size=config.training.batch_size, seed=config.seed)
    from mtc_keras.compare.models import by_approach, costs, measure, trainings
    from mtc_keras.console.log import Log
    from mtc_keras.scoring.intervals import compare_scores

    directory = compared_directory(config)
    planned = list(trainings(config, dataset, directory, seeds, binary))
    waiting = [training for training in planned if overwrite or not training.is_done]
    for training in waiting:
        check_output(training.config.output.directory, overwrite, resume=not overwrite)

    directory.mkdir(parents=True, exist_ok=True)
    with Log(directory / "compare.log", quiet=verbose == 0) as log:
        log.line(f"{len(waiting)} of {len(planned)} models are still to be trained")
        outcomes = []
        for training in planned:
            if training in waiting:
                log.line(f"\ntraining {training.config.output.directory}")
                training.train(verbose, resume=not overwrite)
            outcomes.append(measure(training, test))
        log.line(f"\ncomparing on {resamples:,} drawings of the test rows")
        found = {
            "seeds": list(range(config.seed, config.seed + seeds)),
            "resamples": resamples,
            "test_rows": len(test),
            "tasks": {
                task.name: compare_scores(
                    task, test.targets[task.name], by_approach(task, outcomes), resamples
                )
                for task in dataset.tasks
            },
            "costs": costs(outcomes, seeds),
        }
        show(log, found)
    write_whole(directory / "compare.json", readable_json(found))
    return to_json(found)


def compared_directory(config: Config) -> Path:
    """Returns where the comparison of a config leaves its runs and tables."""
    return Path(f"{Path(config.output.directory).expanduser()}_compare")


def check_request(config: Config, seeds: int, binary: bool) -> None:
    """Checks what can be checked before the data are read.

    Raises:
        ConfigError: if there is nothing to compare.
    """
    if len(config.tasks) < 2:
        raise ConfigError("a comparison needs two or more tasks; the config has one")
    if seeds < 1:
        raise ConfigError(f"--seeds must be 1 or more, received {seeds}")
    if binary and not any(task.has_classes for task in config.task_list):
        raise ConfigError("--with binary needs a task that has classes; the config has none")


def show(log: "Log", found: Mapping[str, Any]) -> None:
    """Shows the tables of a comparison."""
    for table in (task_table(found), cost_table(found)):
        log.show(table)
    log.line(
        f"interval: 95 % of {found['resamples']:,} drawings of the test rows. It does not cover "
        f"the luck of a training; seeds: {', '.join(map(str, found['seeds']))}"
    )


def task_table(found: Mapping[str, Any]) -> "Table":
    """Returns a table with a row for each task and each approach joint is compared with."""
    from rich.table import Table

    from mtc_keras.console.tables import number

    table = Table(title="scores on the test rows", title_justify="left")
    for column in ("task", "metric", "rows", "joint", "against", "difference (95 % interval)"):
        table.add_column(column, justify="right" if column in ("rows", "joint") else "left")
    table.add_column("joint is")
    others = [approach for approach in found["costs"] if approach != "joint"]
    for name, task in found["tasks"].items():
        means = {approach: scores["mean"] for approach, scores in task["scores"].items()}
        for other in others:
            against = task["joint_against"].get(other, {})
            difference, low, high = (
                number(against.get(key), "+.3f") for key in ("difference", "low", "high")
            )
            table.add_row(
                name,
                task["metric"].replace("_", " "),
                f"{task['rows']:,}",
                number(means.get("joint")),
                f"{other} {number(means.get(other))}",
                f"{difference} ({low} … {high})" if against else "–",
                against.get("verdict", "–"),
            )
    return table


def cost_table(found: Mapping[str, Any]) -> "Table":
    """Returns a table with a row an approach: what its models cost, and how many times joint's."""
    from rich.table import Table

    from mtc_keras.console.tables import number

    table = Table(title="costs of one seed (in brackets: times joint's)", title_justify="left")
    table.add_column("approach")
    for column in ("models", "training, s", "model files, MB", "test predictions, s"):
        table.add_column(column, justify="right")
    for approach, values in found["costs"].items():
        table.add_row(
            approach,
            str(values["models"]),
            *[
                f"{number(values[cost] / unit, '.2f')} ({number(values[f'{cost}_ratio'], '.2f')})"
                for cost, unit in UNITS.items()
            ],
        )
    return table


def add_options(parser: argparse.ArgumentParser) -> None:
    options.add_config(parser)
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="trainings of each model (default: 1)"
    )
    parser.add_argument(
        "--with",
        choices=["binary"],
        dest="other",
        help="compare with one multilabel task of all classes, too",
    )
    options.add_overwrite(parser, "train again what an earlier call has trained")


def run(args: argparse.Namespace) -> None:
    config = load_config(args.config, args.overrides)
    print(f"{args.config}: reading the data, loading the model", flush=True)
    compare(config, args.seeds, binary=args.other == "binary", overwrite=args.overwrite)
    print(f"\nruns, compare.json and compare.log are in {compared_directory(config)}")


PROGRAM = Program(
    "compare", "compare one joint model with one model per task", __doc__, add_options, run
)
main = PROGRAM.main
