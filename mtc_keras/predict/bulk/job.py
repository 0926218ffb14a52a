"""What is to be predicted, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mtc_keras.errors import ConfigError, check_count
from mtc_keras.tasks.predictions import Shown

Format = Literal["jsonl", "jsonl.gz", "csv", "csv.gz", "parquet"]
FORMATS: tuple[Format, ...] = ("jsonl", "jsonl.gz", "csv", "csv.gz", "parquet")
ENGINES = ("local", "ray")
MOST = {"rows_per_part": 100_000_000, "workers": 10_000}


@dataclass(frozen=True)
class BulkOptions:
    """How files are predicted.

    Args:
        columns: of `"labels"`, `"confidence"` and `"probabilities"`.
        abstain_below: optional float in [0, 1]. Labels that are right with a lower probability
            are null.
        format: optional: `"jsonl"`, `"csv"`, either with `.gz`, or `"parquet"`; default: what a
            file's name says, and `"jsonl"` in a folder.
        rows_per_part: int. Rows per part, bad ones counted, which are in memory together and which
            a kill can cost. The last part of a file may have fewer.
        engine: `"local"`, this process, or `"ray"`, the actors of a Ray cluster.
        workers: optional int. Actors of `"ray"`; default: one per GPU, or else one per machine.
        strict: bool. Whether a single bad row is an error.
        reading: keys of `[data]` that say how rows are read, such as `{"delimiter": ";"}`; default:
            those of the run or export.

    Raises:
        ConfigError: if a value is none of these.
    """

    columns: tuple[str, ...] = ("labels", "probabilities")
    abstain_below: float | None = None
    format: str | None = None
    rows_per_part: int = 10_000
    engine: str = "local"
    workers: int | None = None
    strict: bool = False
    reading: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", self.shown.columns)
        for name, known in (("format", (None, *FORMATS)), ("engine", ENGINES)):
            if getattr(self, name) not in known:
                names = ", ".join(map(str, filter(None, known)))
                raise ConfigError(f"{name} is one of {names}; received {getattr(self, name)!r}")
        for name in MOST:
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name), MOST[name])
        if self.workers is not None and self.engine != "ray":
            raise ConfigError("workers needs the engine ray; the local engine is one process")

    @property
    def shown(self) -> Shown:
        """What is shown of predictions."""
        return Shown(self.columns, self.abstain_below)

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the bytes of the parts, beside model and input."""
        names = ("format", "columns", "rows_per_part", "abstain_below")
        reading = {"reading": dict(self.reading)} if self.reading else {}
        return {name: getattr(self, name) for name in names} | reading


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
        options: the `BulkOptions`, their format known.
        types: the pyarrow type of each column of the input, in the order of the output; only
            parquet has other types than `None`.
        check: bool. `False` reads a model whose files have changed since they were written.
    """

    model: str
    out: str
    folder: str
    options: BulkOptions
    types: Mapping[str, Any]
    check: bool = True

    @property
    def form(self) -> str:
        """The format of the parts."""
        return self.options.format or FORMATS[0]
