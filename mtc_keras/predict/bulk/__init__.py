"""Prediction in bulk: files of any size in, parts of equal size out, resumable at any time.

    out/part-00000.jsonl …   the rows with their predictions, each part whole or not there
    out/_manifest.json       model, input files, options, and the parts that are done
    out/_bad_rows.jsonl      file, line and fault of rows left out; not there if there are none

The input is read twice: once to find what is wrong with it and to cut it into parts, and once
to predict it. A part is some rows of one file, alone decides its batches, and so is the same
whenever it is computed. Names with an underscore are passed over by those who read a folder of
parts (pyarrow, Spark, DuckDB).
"""

import os
import signal
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from mtc_keras.console.log import Log
from mtc_keras.console.progress import RowProgress
from mtc_keras.data.sources import expand
from mtc_keras.errors import ConfigError, Stopped, plural
from mtc_keras.files import LOCK, PART, being_read, held, is_unfinished
from mtc_keras.predict.bulk.job import Job, Options, Part
from mtc_keras.predict.bulk.manifest import MANIFEST, Manifest
from mtc_keras.predict.bulk.part_predictor import predict_here
from mtc_keras.predict.bulk.survey import BadRows, Survey
from mtc_keras.predict.predictors import open_predictor

BAD_ROWS = "_bad_rows.jsonl"


def predict_files(
    files: list[str],
    model: str,
    out: str,
    options: Options,
    engine: str = "local",
    workers: int | None = None,
    resume: bool = False,
    strict: bool = False,
) -> None:
    """Predicts the rows of files and writes the parts; tells how it goes on the screen.

    Args:
        files: paths and globs: csv, tsv, jsonl, ndjson, json, each also with .gz, or parquet.
        model: a run directory or an export's folder.
        out: the folder of the parts; new or empty, unless `resume` is set.
        options: the `Options`.
        engine: `"local"`, this process, or `"ray"`, the actors of a Ray cluster.
        workers: optional int. Actors of `"ray"`; default: one a GPU, or else one a machine.
        resume: bool. Whether to go on with what is there.
        strict: bool. Whether a single bad row is an error.

    Raises:
        ConfigError: if the folder holds something else, or belongs to other input, another
            model or other options.
        DataError: if the model or a file cannot be read; with `strict`, for bad rows.
    """
    folder = Path(out)
    _check_folder(folder, resume)
    _check_input(files, folder)
    predictor = open_predictor(model)
    log = Log()
    with log, closing(BadRows()) as bad_rows:
        survey = Survey(files, predictor, options, bad_rows)
        survey.check(strict)
        manifest = Manifest.of(survey, predictor, model, options)
        job = Job(
            os.path.abspath(model), str(folder.absolute()), os.getcwd(), options, survey.types
        )
        _make_folder(folder)
        with held(folder, f"--out {str(folder)!r}", inside=True), being_read(Path(model)):
            _check_folder(folder, resume)  # another process may have begun and ended here
            notes = manifest.take_over(folder) if resume else []
            for note in notes:
                log.line(note)
            left = [part for part in survey.parts if part.number not in manifest.parts]
            if left:
                log.line(survey.summary)
                _predict(job, left, survey, manifest, engine, workers, log)
            else:
                log.line("already finished: nothing is left to predict")
            parts = plural(len(survey.parts), "part")
            log.line(f"{plural(survey.rows, 'prediction')} in {parts} in {out}")


def _predict(
    job: Job,
    parts: Sequence[Part],
    survey: Survey,
    manifest: Manifest,
    engine: str,
    workers: int | None,
    log: Log,
) -> None:
    folder = Path(job.out)
    if engine == "ray":
        from mtc_keras.predict.bulk.ray_engine import predict_on_ray

        records = predict_on_ray(job, parts, workers)
    else:
        records = predict_here(job, parts)
    manifest.save(folder)  # first, as --resume asks for it
    survey.bad_rows.save(folder / BAD_ROWS)
    progress = RowProgress(log, "predicting", survey.rows, sum(manifest.rows_done))
    try:
        for record in records:
            survey.check_unchanged(record["input"])
            manifest.add(record, folder)
            progress.advance(record["rows"])
    except KeyboardInterrupt:
        done = f"{len(manifest.parts)} of {plural(len(survey.parts), 'part')}"
        raise Stopped(signal.SIGINT, f"stopped: {done} done; --resume goes on") from None
    finally:
        progress.close()


def _check_folder(folder: Path, resume: bool) -> None:
    where = f"--out {str(folder)!r}"
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{where} is a file; prediction in bulk needs a folder, or a .jsonl file")
    names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    has_manifest = MANIFEST in names
    if all(name in (LOCK, MANIFEST + PART) or is_unfinished(name) for name in names):
        return  # nothing but what is left of a process that was killed as it began
    if resume and not has_manifest:
        raise ConfigError(f"{where} holds files but no {MANIFEST}; choose another folder")
    if not resume:
        hint = "; go on with --resume, or choose another folder" if has_manifest else ""
        raise ConfigError(f"{where} already holds files{hint or '; choose another folder'}")


def _check_input(files: list[str], folder: Path) -> None:
    """Checks that no part is taken for input, which a glob may do when a prediction goes on."""
    for path in expand(files):
        if folder.resolve() in Path(path).resolve().parents:
            raise ConfigError(
                f"--data names {path!r}, which lies in --out {str(folder)!r}; name the files of "
                "the input alone"
            )


def _make_folder(folder: Path) -> None:
    """Makes a folder.

    Raises:
        ConfigError: if it cannot be made, or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {str(folder)!r} cannot be made: {error.strerror}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"--out {str(folder)!r} cannot be written to; choose another folder")
