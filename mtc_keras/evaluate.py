"""Judges a run on labelled data.

Shows the metrics of each task beside those of the best constant prediction.

    mtc-keras evaluate --model runs/x
    mtc-keras evaluate --model runs/x --data new.csv --out metrics.json
"""

import argparse
import sys

from mtc_keras.devices.startup import start
from mtc_keras.errors import ConfigError
from mtc_keras.files import check_writable, readable_json, write_whole
from mtc_keras.programs import options
from mtc_keras.programs.program import Program
from mtc_keras.run.directory import Run


def add_options(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser)
    options.add_data(
        parser, "labelled rows, in the run's format (default: the config's test files)"
    )
    options.add_out(parser, "write the metrics as JSON, too")
    options.add_verbose(parser, "show all tasks, however many, and their classes")


def run(args: argparse.Namespace) -> None:
    judged = Run(args.model)
    if args.out:
        check_writable(args.out)
    files = args.data or judged.config.data.test
    if files is None:
        raise ConfigError(f"the config of {args.model} names no test file: give --data FILE")

    name = "test" if args.data is None else ", ".join(args.data)

    from mtc_keras.data.reading import read_rows

    rows = read_rows(files, judged.config.task_list, judged.config.data, name)

    start(judged.config.distribution)
    from mtc_keras.console.log import Log
    from mtc_keras.console.scores import show_details, show_scores
    from mtc_keras.scoring.judging import baseline, score_rows

    tasks = judged.model.tasks
    scores = score_rows(judged.model, rows, judged.config.training.batch_size, details=True)
    constant = baseline(tasks, judged.constants, rows.targets)
    log = Log()
    for note in rows.notes:
        log.line(note)
    show_scores(log, rows.name, tasks, scores.evaluation, constant, verbose=args.verbose)
    show_details(log, tasks, scores.evaluation, verbose=args.verbose)
    if args.out:
        write_whole(args.out, readable_json({**scores.evaluation, "baseline": constant}))


PROGRAM = Program("evaluate", "judge a run on labelled data", __doc__, add_options, run)
main = PROGRAM.main

if __name__ == "__main__":
    sys.exit(main())
