"""Predicts with a run or an export: texts, standard input, or files of any size.

    mtc-keras predict --model runs/x --text "I love it"
    mtc-keras predict --model runs/x --text "I love it" --explain mood=positive
    mtc-keras predict --model runs/x --data - < rows.jsonl | head
    mtc-keras predict --model runs/x --data rows.csv --out predictions.jsonl
    mtc-keras predict --model runs/x --data 'in/*.parquet' --out predicted/

Rows keep all of their columns, and the predictions come after them. Where --out
is a folder, it gets parts of some thousands of rows. --resume continues after
any interruption.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from mtc_keras.config import reading_of
from mtc_keras.errors import ConfigError, DataError, did_you_mean, legible, listed, plural
from mtc_keras.files import json_line, shown_json
from mtc_keras.predict.bad_rows import BadRows, in_all
from mtc_keras.predict.bulk.job import ENGINES, FORMATS
from mtc_keras.predict.predictor import NO_GRADIENTS, Predictor
from mtc_keras.predict.predictors import RunPredictor, open_predictor, version_taken
from mtc_keras.predict.rows import predict_own
from mtc_keras.programs import options
from mtc_keras.programs.options import STDIN
from mtc_keras.programs.program import Program
from mtc_keras.programs.signals import tidied_at_sigterm
from mtc_keras.run.rows import reader_rows
from mtc_keras.tasks.explained import explained_class
from mtc_keras.tasks.predictions import COLUMNS, DECIMALS, Shown


def add_options(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser, "a run directory, or the folder of an export")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--text",
        metavar="T",
        action="append",
        nargs="+",
        type=options.text,
        help="a text, or the two of a text pair (may be repeated)",
    )
    options.add_data(
        source,
        "files or globs with the run's text column: csv, tsv, txt, jsonl, json, parquet, "
        "xlsx, also in a zip; or - for JSON lines from standard input",
    )
    options.add_reader(source, "test rows")
    options.add_reading(parser)
    parser.add_argument(
        "--columns",
        metavar="LIST",
        help=f"of {', '.join(COLUMNS)}, separated by commas (default: labels,probabilities)",
    )
    parser.add_argument(
        "--abstain-below",
        metavar="P",
        type=float,
        help="leave out labels whose probability of being right is lower than this",
    )
    parser.add_argument(
        "--explain-window",
        action="store_true",
        help="tell which window of a long text decided, of a run that reads windows",
    )
    parser.add_argument(
        "--explain",
        metavar="TASK[=LABEL]",
        action="append",
        nargs="?",
        const="",
        type=options.text,
        help="show which words speak for what is predicted, and which against it: of all tasks, "
        "or of one, and of another label than the most probable one (may be repeated)",
    )
    parser.add_argument(
        "--no-color", action="store_true", help="numbers in place of colours, as with NO_COLOR"
    )
    parser.add_argument(
        "--json", action="store_true", help="lines of JSON, where a terminal gets a table"
    )
    options.add_out(
        parser,
        "a file (.jsonl, .csv, either with .gz, or .parquet) or a folder of parts; "
        "default: the screen",
        "PATH",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="stop at bad rows (default: leave them out and list them)",
    )
    bulk = parser.add_argument_group("into a file or a folder of parts")
    bulk.add_argument("--format", choices=FORMATS, help="of the parts (default: jsonl)")
    bulk.add_argument(
        "--rows-per-part",
        metavar="N",
        type=int,
        help="rows per part, at most, which a kill can cost (default: 10000)",
    )
    bulk.add_argument("--engine", choices=ENGINES, help="this process (default), or a Ray cluster")
    bulk.add_argument(
        "--workers",
        metavar="N",
        type=int,
        help="processes on Ray (default: one per GPU, or one per machine)",
    )
    bulk.add_argument(
        "--resume",
        action="store_true",
        default=None,
        help="continue a job that was stopped; the result is the same as of one that was not",
    )


def run(args: argparse.Namespace) -> None:
    chosen: dict[str, Any] = {"abstain_below": args.abstain_below}
    if args.columns is not None:
        chosen["columns"] = tuple(args.columns.split(","))
    for name in ("explain_window", "explain"):
        if getattr(args, name) and args.out:
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{option} is shown on the screen; leave out --out")
    if args.data and args.out and args.data != [STDIN]:
        _predict_files(args, chosen)
        return
    for name in ("format", "rows_per_part", "engine", "workers", "resume"):
        if getattr(args, name) is not None:
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{option} needs --data FILE, and --out")
    if args.text and args.reading:
        raise ConfigError("--set says how the rows of --data are read; --text needs none")
    if args.text or args.reader:
        _predict_own(args, Shown(**chosen, explain_window=args.explain_window))
    else:
        shown = Shown(**chosen, decimals=DECIMALS, explain_window=args.explain_window)
        _predict_stream(args, shown)


def _predict_files(args: argparse.Namespace, chosen: dict[str, Any]) -> None:
    if STDIN in args.data:
        raise ConfigError("--data - stands alone: name files, or read standard input")
    for name in ("format", "rows_per_part", "engine", "workers"):
        if getattr(args, name) is not None:
            chosen[name] = getattr(args, name)

    from mtc_keras.predict.bulk.job import BulkOptions
    from mtc_keras.predict.bulk.predicting import predict_files

    bulk = BulkOptions(strict=args.strict, reading=reading_of(args.reading), **chosen)
    with tidied_at_sigterm("stopped before anything was written"):
        predict_files(
            args.model,
            args.data,
            args.out,
            bulk,
            resume=bool(args.resume),
            verbose=1,
            check=args.check,
        )


def _opened(args: argparse.Namespace) -> Predictor:
    predictor = open_predictor(args.model, args.check, reading_of(args.reading))
    if version := version_taken(args.model, predictor):
        print(legible(f"note: {version}"), file=sys.stderr)
    return predictor


def _reader_rows(predictor: Predictor) -> Any:
    if not isinstance(predictor, RunPredictor):
        raise ConfigError("--reader needs a run, whose config names it; an export has none")
    return reader_rows(predictor.run, "test")


def _explained(args: argparse.Namespace, predictor: Predictor) -> dict[str, str | None] | None:
    """Returns the label to explain of each task that is asked for, `None` if none is."""
    if args.explain is None:
        return None
    if not isinstance(predictor, RunPredictor):
        raise ConfigError(NO_GRADIENTS)
    found: dict[str, str | None] = {}
    names = [task.name for task in predictor.tasks]
    for given in args.explain:
        if not given:
            found = dict.fromkeys(names) | found
            continue
        # A task's name may hold a "=", too.
        name, _, label = (given, "", "") if given in names else given.partition("=")
        if name not in names:
            raise ConfigError(
                f"--explain {given!r}: there is no task {name!r}.{did_you_mean(name, names)} "
                f"Tasks: {listed(names)}"
            )
        if found.get(name) is not None and label:
            raise ConfigError(f"--explain {given!r}: a label of task {name!r} is asked for twice")
        try:
            if label:
                explained_class(predictor.tasks[names.index(name)], label)
        except ValueError as error:
            raise ConfigError(f"--explain {given!r}: {error}") from None
        found[name] = label or found.get(name)
    return found


def _predict_own(args: argparse.Namespace, shown: Shown) -> None:
    predictor = _opened(args)
    shown = replace(shown, explain=_explained(args, predictor))
    columns = predictor.data.text_columns
    for row in args.text or ():
        if len(row) != len(columns):
            raise ConfigError(f"--text needs {len(columns)} of {columns}, received {len(row)}")
    path = None
    if args.out:
        from mtc_keras.predict.saving import check_file, save_predictions

        path = check_file(args.out)
    as_table = path is None and bool(args.text) and sys.stdout.isatty() and not args.json
    if path is None:
        shown = replace(shown, columns=COLUMNS if as_table else shown.columns, decimals=DECIMALS)
    rows = _reader_rows(predictor) if args.reader else args.text
    found = predict_own(predictor, rows, shown)
    bad = BadRows(args.strict, _print_note)
    for place, reason in found.bad_rows:
        bad.add(f"{place}: {reason}")
    for line in in_all(bad.count):
        _print_note(line)
    if path is not None:
        save_predictions(found, predictor, path, shown)
        print(legible(f"{plural(len(found), 'prediction')} in {path}"))
    elif as_table:
        from mtc_keras.console.log import Log
        from mtc_keras.predict.explained_texts import ExplainedText
        from mtc_keras.predict.tables import text_tables

        log = Log(colours=not args.no_color)
        for row, table in enumerate(text_tables(found.rows(), columns, predictor.tasks)):
            log.show(table)
            for explanation in found.explanations[row].values() if found.explanations else ():
                log.show(ExplainedText(explanation))
    else:
        _print_lines(found.rows())


def _predict_stream(args: argparse.Namespace, shown: Shown) -> None:
    if args.out:
        raise ConfigError(f"--data - goes to standard output; redirect that: > {args.out}")
    if STDIN in args.data and args.data != [STDIN]:
        raise ConfigError("--data - stands alone: name files, or read standard input")
    predictor = _opened(args)
    shown = replace(shown, explain=_explained(args, predictor))
    from mtc_keras.predict.streaming import predict_stream

    bad = BadRows(args.strict, _print_note)
    found = predict_stream(predictor, args.data, shown, on_bad=bad.add, on_note=_print_note)
    printed = _print_lines(found)
    for line in in_all(bad.count):
        _print_note(line)
    if bad.count and not printed:  # as files would be refused
        raise DataError(f"{', '.join(args.data)}: hold no row that can be predicted")


def _print_note(note: str) -> None:
    print(legible(note), file=sys.stderr)


def _print_lines(rows: Iterable[Mapping[str, Any]]) -> int:
    """Prints rows as lines of JSON; returns their number."""
    count, out = 0, sys.stdout
    for row in rows:
        print(shown_json(json_line(row), out.encoding or "utf-8", out.isatty()))
        count += 1
    return count


PROGRAM = Program("predict", "predict with a run or an export", __doc__, add_options, run)
main = PROGRAM.main
