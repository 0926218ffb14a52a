"""Cuts a model of many languages to the pieces of given texts.

Most of a multilingual model are embeddings of pieces that one language never
has. What is kept: special tokens, single characters, and every piece that the
model's tokenizer makes of the texts. These then have the same tokens and
states as before. The new folder is a backbone as any other.

    mtc-keras shrink-vocab --backbone hf://intfloat/multilingual-e5-small \\
        --texts train.jsonl --out e5-small-fr
    mtc-keras train --config config.toml --set model.backbone=e5-small-fr
"""

import argparse

from mtc_keras.config import reading_of
from mtc_keras.errors import legible
from mtc_keras.programs import options
from mtc_keras.programs.program import Program


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--backbone",
        metavar="NAME",
        required=True,
        help="the whole model: a folder of a Hugging Face model, 'hf://…' or 'minilm'",
    )
    options.add_data(
        parser, "files of texts, or globs, as training reads them", "--texts", required=True
    )
    options.add_out(parser, "the new folder", metavar="DIR", required=True)
    parser.add_argument(
        "--text-column",
        metavar="COLUMN",
        nargs="+",
        type=options.text,
        default=["text"],
        help="the column of texts, or several (default: text)",
    )
    parser.add_argument(
        "--keep",
        metavar="TEXT",
        nargs="+",
        type=options.text,
        default=[],
        help="more texts whose pieces are kept",
    )
    options.add_reading(
        parser, "how the files are read, such as data.delimiter=';' (may be repeated)"
    )


def run(args: argparse.Namespace) -> None:
    from mtc_keras.shrink.shrinking import shrink_vocab

    shrunk = shrink_vocab(
        args.backbone,
        args.texts,
        args.out,
        text_columns=args.text_column,
        keep=args.keep,
        reading=reading_of(args.reading),
    )
    for line in (*shrunk.notes, str(shrunk), f"the model is in {args.out}"):
        print(legible(line))


PROGRAM = Program(
    "shrink-vocab", "cut a multilingual model to the pieces of texts", __doc__, add_options, run
)
main = PROGRAM.main
