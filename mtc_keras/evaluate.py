"""Judges a run on labelled data.

Shows the metrics of each task beside those of the best constant prediction.

    mtc-keras evaluate --model runs/x
    mtc-keras evaluate --model runs/x --data new.csv --out metrics.json
    mtc-keras evaluate --model runs/x --data new.csv --set data.delimiter=";"
    mtc-keras evaluate --model runs/x --data new.csv --by source
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtc_keras.config import reading_of
from mtc_keras.devices.startup import start
from mtc_keras.files import check_writable, readable_json, to_json, write_whole
from mtc_keras.programs import options
from mtc_keras.programs.program import Program
from mtc_keras.run.directory import Run
from mtc_keras.run.rows import as_run, labelled_rows, unlabelled_notes
from mtc_keras.tasks import Task

if TYPE_CHECKING:
    from mtc_keras.console.log import Log
    from mtc_keras.run.rows import Data


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How good a run's model is on labelled rows.

    Args:
        name: str. What the rows are called: `"test"`, or their files.
        tasks: the model's tasks.
        metrics: `tasks`: for each its metrics, `loss` and labelled `rows`, or `None` where no
            row carries a label; `overall`: F1 over all classes of all tasks together, mean and
            standard deviation over tasks; `score`; `loss`; `by_length`: the main metrics of short
            and long texts apart, as `judge_by_length` returns them; `by_column`, if asked for: by
            task, what `SliceScore.to_dict` returns of each slice of the rows, the worst first.
        baseline: the same of the best constant prediction, learned in training.
        notes: lines on rows that were left out, such as those without a text, and on tasks for
            which no row has a label.
    """

    name: str
    tasks: tuple[Task, ...]
    metrics: dict[str, Any]
    baseline: dict[str, Any]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Returns the metrics as JSON values, `baseline` beside them."""
        return to_json({**self.metrics, "baseline": self.baseline})

    def show(self, log: "Log", verbose: bool = False) -> None:
        """Shows the metrics as tables; `verbose` shows every task and class."""
        from mtc_keras.console.lengths import show_lengths
        from mtc_keras.console.scores import show_details, show_scores
        from mtc_keras.console.slices import show_slices

        for note in self.notes:
            log.line(note)
        show_scores(log, self.name, self.tasks, self.metrics, self.baseline, verbose=verbose)
        show_details(log, self.tasks, self.metrics, verbose=verbose)
        show_lengths(log, self.tasks, self.metrics, verbose=verbose)
        show_slices(log, self.metrics, verbose=verbose)


def evaluate_run(
    run: Run | str | Path,
    data: "Data | None" = None,
    *,
    reading: Mapping[str, Any] | None = None,
    reader: bool = False,
    by: Sequence[str] = (),
) -> Evaluation:
    """Judges a run on labelled rows.

    Args:
        run: a `Run`, or the path of a run directory.
        data: labelled rows in the run's format: a file, a glob, a list of them, a DataFrame or
            dicts, or a dict from column to parallel file; default: the test files of the run's
            config, or the test rows by its column `data.split`.
        reading: keys of `[data]` that say how rows are read, such as `{"delimiter": ";"}`, and
            `"tasks.NAME.column"`; default: those of the run.
        reader: bool. Whether the run's own `data.reader` is called for its test rows.
        by: columns by whose values the rows are judged apart.

    Returns:
        The `Evaluation`.

    Raises:
        ConfigError: if the config names no test file and no rows are given.
        DataError: for a mistake in the data, or if there is no such run.

    Example:

    ```python
    evaluation = mtc_keras.evaluate_run("runs/quickstart", "data/new.csv")
    evaluation.metrics["tasks"]["sentiment"]["accuracy"]
    ```
    """
    run = as_run(run)
    with run.being_read():
        run.check_model()
        rows = labelled_rows(run, data, "test", reading=reading, reader=reader, slices=by)
        start(run.config.distribution)
        from mtc_keras.model.judging import judge_rows
        from mtc_keras.model.long_texts import tokens_of
        from mtc_keras.report.judged import Judged
        from mtc_keras.report.slice_scores import scores_by_column
        from mtc_keras.scoring.judging import baseline

        model = run.model
        tokens = tokens_of(model, rows.texts)
        logits = model.predict_logits(tokens, run.config.training.batch_size)
        metrics, lengths, long = judge_rows(model, rows, tokens, logits, "evaluated")
        notes = [*rows.notes, *unlabelled_notes(rows, model.tasks), *([long] if long else [])]
        if by:
            judged = Judged.of_rows(rows, model, logits, lengths, tokens.max_length)
            metrics["by_column"], told = scores_by_column(judged)
            notes += told
        constant = baseline(model.tasks, run.constants, rows.targets)
        return Evaluation(rows.name, model.tasks, metrics, constant, tuple(notes))


def add_options(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser)
    options.add_data(
        parser, "labelled rows, in the run's format (default: the config's test files)"
    )
    options.add_reading(parser)
    options.add_reader(parser, "test rows")
    parser.add_argument(
        "--by", metavar="COLUMN", nargs="+", default=[], help="judge rows by its values, too"
    )
    options.add_out(parser, "write the metrics as JSON, too")
    options.add_verbose(parser, "show all tasks, however many, and their classes")


def run(args: argparse.Namespace) -> None:
    judged = Run(args.model, check=args.check)
    if args.out:
        check_writable(args.out)
    reading = reading_of(args.reading)
    evaluation = evaluate_run(judged, args.data, reading=reading, reader=args.reader, by=args.by)
    from mtc_keras.console.log import Log

    evaluation.show(Log(), verbose=args.verbose)
    if args.out:
        write_whole(args.out, readable_json(evaluation.to_dict()))


PROGRAM = Program("evaluate", "judge a run on labelled data", __doc__, add_options, run)
main = PROGRAM.main

if __name__ == "__main__":
    sys.exit(main())
