"""Predicts with a run: `python -m mtc_keras.predict --model runs/x --text "I love it"`."""

import argparse
import sys
from collections.abc import Sequence

from mtc_keras.command import run_program, set_up
from mtc_keras.errors import ConfigError
from mtc_keras.run import Run, check_writable, describe_rows, json_line, write_whole


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m mtc_keras.predict", description=__doc__)
    parser.add_argument("--model", metavar="RUN", required=True, help="a run directory")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--text",
        action="append",
        nargs="+",
        help="a text, or the two of a text pair (may be repeated)",
    )
    source.add_argument(
        "--data", metavar="FILE", action="append", help="rows with the run's text column"
    )
    parser.add_argument(
        "--abstain-below",
        metavar="P",
        type=float,
        help="leave out labels that are right with a lower probability than this",
    )
    parser.add_argument("--out", metavar="FILE", help="a .jsonl file; default: the screen")
    return run_program(_predict, parser.parse_args(argv))


def _predict(args: argparse.Namespace) -> None:
    run = Run(args.model)
    if args.out:
        check_writable(args.out)
    if args.abstain_below is not None and not 0 <= args.abstain_below <= 1:
        raise ConfigError(
            f"--abstain-below must lie between 0 and 1, received {args.abstain_below}"
        )
    columns = run.config.data.text_columns
    texts: tuple[Sequence[str], ...]
    ids = None
    if args.text:
        for row in args.text:
            if len(row) != len(columns):
                raise ConfigError(f"--text needs {len(columns)} of {columns}, received {len(row)}")
        texts = tuple(list(column) for column in zip(*args.text, strict=True))
    else:
        from mtc_keras.data import read_rows

        rows = read_rows(args.data, [], run.config.data, "predict")
        texts, ids = rows.texts, rows.ids

    set_up(run.config.seed, run.config.distribution)
    x = texts if len(texts) > 1 else texts[0]
    probabilities = run.model.predict(x, run.config.training.batch_size, verbose=0)
    described = describe_rows(run.model, probabilities, ids, args.abstain_below)
    lines = (json_line(line) for line in described)
    if args.out is None:
        for line in lines:
            print(line)
    else:
        write_whole(args.out, "".join(f"{line}\n" for line in lines))
        print(f"{len(texts[0]):,} predictions in {args.out}")


if __name__ == "__main__":
    sys.exit(main())
