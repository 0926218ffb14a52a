"""What is to be predicted, and how."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Options:
    """What decides the bytes of the parts, beside model and input.

    Args:
        format: `"jsonl"`, `"csv"`, either with `.gz`, or `"parquet"`.
        columns: of `"labels"`, `"confidence"` and `"probabilities"`.
        rows_per_part: int. Rows of a part, bad ones counted; a file's last one may have fewer.
        abstain_below: optional float. Labels that are right with a lower probability are null.
    """

    format: str = "jsonl"
    columns: tuple[str, ...] = ("labels", "probabilities")
    rows_per_part: int = 10_000
    abstain_below: float | None = None


@dataclass(frozen=True)
class Part:
    """Some rows of one file.

    Args:
        number: int. Of all parts, from 0.
        file: the input file.
        block: int. Of the blocks of the file, from 0, as `read_inputs` gives them.
        rows: int. Rows that can be predicted, at least 1.
    """

    number: int
    file: str
    block: int
    rows: int

    def name(self, form: str) -> str:
        """Returns the name of its file."""
        return f"part-{self.number:05d}.{form}"


@dataclass(frozen=True)
class Job:
    """All that a process needs to predict parts.

    Args:
        model: path of the run or export.
        out: the folder of the parts.
        folder: where paths of input files begin.
        options: the `Options`.
        types: the pyarrow type of each column of the input, in the order of the output; only
            parquet has other types than `None`.
    """

    model: str
    out: str
    folder: str
    options: Options
    types: Mapping[str, Any]
