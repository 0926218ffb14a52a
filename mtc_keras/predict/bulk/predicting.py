"""Predicts files of any size; what was stopped can be gone on with.

    out/part-00000.jsonl …   the rows with their predictions, each part whole or not there
    out/_manifest.json       model, input files, options, and the parts that are done
    out/_bad_rows.jsonl      file, line and fault of rows left out; not there if there are none

One file, `out.jsonl`, is joined from such a folder, `out.jsonl.parts`, which is removed then.

The input is read twice: once to find what is wrong with it and to cut it into parts, and once
to predict it. A part is some rows of one file, alone decides its batches, and so is the same
whenever it is computed. Names with an underscore are skipped by programs that read a folder of
parts (pyarrow, Spark, DuckDB).
"""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mtc_keras.console.log import Log
from mtc_keras.console.progress import RowProgress
from mtc_keras.errors import ConfigError, Stopped, plural
from mtc_keras.predict.bulk.columns import prediction_types
from mtc_keras.predict.bulk.job import BulkOptions, Job, Part
from mtc_keras.predict.bulk.manifest import Manifest
from mtc_keras.predict.bulk.outputs import BAD_ROWS, open_output
from mtc_keras.predict.bulk.part_predictor import predict_here
from mtc_keras.predict.bulk.survey import BadRows, Survey
from mtc_keras.predict.predictor import Predictor
from mtc_keras.predict.predictors import AnyModel, open_predictor, version_taken


@dataclass(frozen=True)
class PredictedFiles:
    """What `predict_files` has written.

    Args:
        files: the parts, or the one file.
        rows: int. Rows with predictions, in all files.
        bad_rows: int. Rows that were left out.
        bad_rows_file: lists them; `None` if there are none.
    """

    files: tuple[Path, ...]
    rows: int
    bad_rows: int
    bad_rows_file: Path | None


def predict_files(
    model: AnyModel,
    files: str | Path | Sequence[str | Path],
    out: str | Path,
    options: BulkOptions | None = None,
    *,
    resume: bool = False,
    verbose: int = 0,
    check: bool = True,
) -> PredictedFiles:
    """Predicts the rows of files of any size, in parts or into one file.

    Args:
        model: the path of a run or of an export's folder, a `Run`, or a `MultiTaskClassifier`,
            whose rows have their text in a column `text`.
        files: paths and globs: csv, tsv, txt, jsonl, ndjson, json, parquet or xlsx, each also
            compressed or in a zip archive.
        out: a file whose name ends in .jsonl, .csv, either with .gz, or .parquet; or a folder of
            parts, new or empty.
        options: the `BulkOptions`; default: labels and probabilities, by this process.
        resume: bool. Whether to go on with what is there; the result is that of a prediction
            undisturbed.
        verbose: 0 for silence, 1 for progress and what was found.
        check: bool. `False` reads a model whose files have changed since they were written.

    Returns:
        The `PredictedFiles`.

    Raises:
        ConfigError: if `out` holds something else, or belongs to other input, another
            model or other options.
        DataError: if the model or a file cannot be read; of `strict` options, for bad rows.
        Stopped: a `KeyboardInterrupt`, at Ctrl-C; it says how many parts are done.

    Example:

    ```python
    found = mtc_keras.predict_files("runs/quickstart", "in/*.csv", "predictions.parquet")
    found.rows, found.bad_rows
    ```
    """
    paths = [str(path) for path in ([files] if isinstance(files, (str, Path)) else files)]
    options = options or BulkOptions()
    output = open_output(out, options.format)
    options = replace(options, format=output.part_form)
    output.check(resume)
    output.check_input(paths)
    predictor = open_predictor(model, check, options.reading)
    if options.engine == "ray" and not predictor.path.exists():
        raise ConfigError("the engine ray needs a model that is saved: the path of a run or export")
    log = Log(quiet=not verbose)
    with log, closing(BadRows()) as bad_rows:
        if version := version_taken(model, predictor):
            log.line(version)
        survey = Survey(paths, predictor, options, bad_rows)
        survey.check(options.strict)
        manifest = Manifest.of(survey, predictor, options)
        job = Job(
            os.path.abspath(predictor.path),
            str(output.folder.absolute()),
            os.getcwd(),
            options,
            survey.types,
            predictor.check,
        )
        with output.held(resume), predictor.being_read():
            for note in manifest.take_over(output.folder) if resume else []:
                log.line(note)
            left = [part for part in survey.parts if part.number not in manifest.parts]
            if left:
                for line in (survey.summary, *survey.notes):
                    log.line(line)
                _predict(job, left, survey, manifest, predictor, log)
            else:
                log.line("already finished: nothing is left to predict")
            columns = [*job.types, *prediction_types(predictor.tasks, options.shown)]
            written = output.finish([part.name(job.form) for part in survey.parts], columns)
        found = PredictedFiles(written, survey.rows, bad_rows.count, output.bad_rows())
        log.line(f"{plural(found.rows, 'prediction')} in {_shown(written, out)}")
        if found.bad_rows_file is not None:
            log.line(f"{plural(found.bad_rows, 'bad row')} listed in {found.bad_rows_file}")
        return found


def _shown(written: Sequence[Path], out: str | Path) -> str:
    is_one = written == (Path(out),)
    return str(out) if is_one else f"{plural(len(written), 'part')} in {out}"


def _predict(
    job: Job,
    parts: Sequence[Part],
    survey: Survey,
    manifest: Manifest,
    predictor: Predictor,
    log: Log,
) -> None:
    folder = Path(job.out)
    records = _records(job, parts, predictor)
    manifest.save(folder)  # first, as --resume asks for it
    survey.bad_rows.save(folder / BAD_ROWS)
    progress = RowProgress(log, "predicting", survey.rows, sum(manifest.rows_done))
    try:
        for record in records:
            survey.check_unchanged(record["input"])
            manifest.add(record, folder)
            progress.advance(record["rows"])
    except KeyboardInterrupt as stopped:
        received = stopped.received if isinstance(stopped, Stopped) else signal.SIGINT
        done = f"{len(manifest.parts)} of {plural(len(survey.parts), 'part')}"
        raise Stopped(received, f"stopped: {done} done; --resume continues") from None
    finally:
        progress.close()


def _records(job: Job, parts: Sequence[Part], predictor: Predictor) -> Iterator[dict[str, Any]]:
    if job.options.engine == "ray":
        from mtc_keras.predict.bulk.ray_engine import predict_on_ray

        return predict_on_ray(job, parts, job.options.workers)
    return predict_here(job, parts, predictor)
