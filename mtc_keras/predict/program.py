"""Predicts with a run or an export: texts, a file, or files of any size in bulk.

    mtc-keras predict --model runs/x --text "I love it"
    mtc-keras predict --model runs/x --data rows.csv --out predictions.jsonl
    mtc-keras predict --model runs/x --data 'in/*.parquet' --out predicted/

Where --out is a folder, it gets parts that hold all columns of the input and
their predictions, and --resume goes on after whatever has stopped it.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mtc_keras.errors import ConfigError
from mtc_keras.files import check_writable, json_line, write_whole
from mtc_keras.predict.predictors import open_predictor
from mtc_keras.programs import options
from mtc_keras.programs.program import Program
from mtc_keras.run.writer import describe_rows

FORMATS = ("jsonl", "jsonl.gz", "csv", "csv.gz", "parquet")
COLUMNS = ("labels", "confidence", "probabilities")
BULK = ("format", "columns", "rows_per_part", "engine", "workers", "resume", "strict")


def add_options(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser, "a run directory, or the folder of an export")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--text",
        action="append",
        nargs="+",
        help="a text, or the two of a text pair (may be repeated)",
    )
    options.add_data(
        source,
        "files or globs with the run's text column: csv, tsv, jsonl, json (.gz, too), parquet",
    )
    parser.add_argument(
        "--abstain-below",
        metavar="P",
        type=float,
        help="leave out labels whose probability of being right is lower than this",
    )
    options.add_out(parser, "a .jsonl file, or a folder of parts; default: the screen", "PATH")
    bulk = parser.add_argument_group("into a folder of parts")
    bulk.add_argument("--format", choices=FORMATS, help="of the parts (default: jsonl)")
    bulk.add_argument(
        "--columns",
        metavar="LIST",
        help=f"of {', '.join(COLUMNS)}, separated by commas (default: labels,probabilities)",
    )
    bulk.add_argument(
        "--rows-per-part", metavar="N", type=int, help="rows per part, at most (default: 10000)"
    )
    bulk.add_argument(
        "--engine", choices=("local", "ray"), help="this process (default), or a Ray cluster"
    )
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
    bulk.add_argument(
        "--strict",
        action="store_true",
        default=None,
        help="stop at bad rows (default: list them in _bad_rows.jsonl)",
    )


def run(args: argparse.Namespace) -> None:
    if args.abstain_below is not None and not 0 <= args.abstain_below <= 1:
        raise ConfigError(
            f"--abstain-below must lie between 0 and 1, received {args.abstain_below}"
        )
    if _is_folder(args):
        _predict_in_bulk(args)
        return
    predictor = open_predictor(args.model)
    if args.out:
        check_writable(args.out)
    columns = predictor.data.text_columns
    texts: tuple[Sequence[str], ...]
    ids = None
    if args.text:
        for row in args.text:
            if len(row) != len(columns):
                raise ConfigError(f"--text needs {len(columns)} of {columns}, received {len(row)}")
        texts = tuple(list(column) for column in zip(*args.text, strict=True))
    else:
        from mtc_keras.data.reading import read_rows

        rows = read_rows(args.data, [], predictor.data, "predict")
        texts, ids = rows.texts, rows.ids
        for note in rows.notes:  # standard output holds predictions alone
            print(note, file=sys.stderr)

    predictor.load()
    described = describe_rows(predictor, predictor.predict(texts), ids, args.abstain_below)
    lines = (json_line(line) for line in described)
    if args.out is None:
        for line in lines:
            print(line)
    else:
        write_whole(args.out, "".join(f"{line}\n" for line in lines))
        print(f"{len(texts[0]):,} predictions in {args.out}")


def _is_folder(args: argparse.Namespace) -> bool:
    """Whether parts are to be written.

    Raises:
        ConfigError: if options or the file's name say something else.
    """
    given = [f"--{name.replace('_', '-')}" for name in BULK if getattr(args, name) is not None]
    suffix = "" if args.out is None else Path(args.out).suffix
    is_file = args.out is not None and suffix == ".jsonl" and not Path(args.out).is_dir()
    if args.out is None or is_file:
        if given:
            raise ConfigError(f"{given[0]} needs --data, and --out with the folder of the parts")
        return False
    if (
        suffix in (".json", ".ndjson", ".csv", ".tsv", ".parquet", ".gz")
        and not Path(args.out).is_dir()
    ):
        raise ConfigError(
            f"--out {args.out!r}: a file must be .jsonl; other formats are written as parts: "
            "give a folder and --format"
        )
    if args.text:
        raise ConfigError(
            f"--out {args.out!r}: a folder of parts needs --data; --text a .jsonl file"
        )
    return True


def _predict_in_bulk(args: argparse.Namespace) -> None:
    columns = tuple(dict.fromkeys((args.columns or "labels,probabilities").split(",")))
    if strangers := [name for name in columns if name not in COLUMNS]:
        raise ConfigError(f"--columns takes {', '.join(COLUMNS)}, received {strangers[0]!r}")
    chosen: dict[str, Any] = {"columns": tuple(name for name in COLUMNS if name in columns)}
    for name in ("rows_per_part", "workers"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise ConfigError(
                f"--{name.replace('_', '-')} must be 1 or more, received {getattr(args, name)}"
            )
    if args.workers is not None and args.engine != "ray":
        raise ConfigError("--workers needs --engine ray; the local engine is one process")
    open_predictor(args.model)  # a mistake in its name is told at once

    from mtc_keras.predict.bulk import predict_files
    from mtc_keras.predict.bulk.job import Options

    if args.format is not None:
        chosen["format"] = args.format
    if args.rows_per_part is not None:
        chosen["rows_per_part"] = args.rows_per_part
    predict_files(
        args.data,
        args.model,
        args.out,
        Options(abstain_below=args.abstain_below, **chosen),
        engine=args.engine or "local",
        workers=args.workers,
        resume=bool(args.resume),
        strict=bool(args.strict),
    )


PROGRAM = Program("predict", "predict with a run or an export", __doc__, add_options, run)
main = PROGRAM.main
