"""A training from Python: the config checked, the rows read, the run written."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mtc_keras.config import Config, load_config
from mtc_keras.devices.joining import joins_others
from mtc_keras.devices.startup import start
from mtc_keras.errors import ConfigError, legible
from mtc_keras.model.backbones.names import check_backbone
from mtc_keras.run.directory import Run, finished_run
from mtc_keras.run.output import check_output, owned_output
from mtc_keras.train.tracking.packages import check_packages

if TYPE_CHECKING:
    from mtc_keras.data.sources import OwnRows


def fit(
    config: Config | str | Path,
    train: "OwnRows | None" = None,
    validation: "OwnRows | None" = None,
    test: "OwnRows | None" = None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    verbose: int = 1,
) -> Run:
    """Trains a model and leaves a run directory.

    It seeds Python, NumPy and Keras by the config's `seed`, so that the same call gives the same
    numbers. While the model trains, the first Ctrl-C or SIGTERM only asks it to stop.

    Args:
        config: a `Config`, or the path of a TOML file.
        train: optional DataFrame or dicts in place of `data.train`.
        validation: optional DataFrame or dicts in place of `data.validation`.
        test: optional DataFrame or dicts in place of `data.test`.
        overwrite: bool. Whether a run in the output directory may be replaced, finished or not.
        resume: bool. Whether to continue an unfinished run of the same config and data. One
            that is finished already is returned as it is.
        verbose: 0 for silence, 1 for progress and tables, 2 for every class, too.

    Returns:
        The finished `Run`; `run.model` predicts, `run.metrics` has the numbers.

    Raises:
        ConfigError: for a mistake in the config.
        DataError: for a mistake in the data.
        TrainingError: if a loss is no finite number any more, or the run cannot be written.
        Stopped: a `KeyboardInterrupt`, at the first Ctrl-C or SIGTERM, when the step is done
            and the state saved; the second stops at once.

    Example:

    ```python
    run = mtc_keras.fit("configs/quickstart.toml", overwrite=True)
    run.model.classify(["The clerk was kind, but I waited two hours."])
    ```
    """
    if not isinstance(config, Config):
        config = load_config(config)
    if resume and overwrite:
        raise ConfigError("--resume continues a run and --overwrite starts again: choose one")
    finished = finished_run(config.output.directory) if resume else None
    if finished is not None:
        if verbose:
            print(legible(f"the run in {finished.directory} is finished already"))
        return finished
    check_output(config.output.directory, overwrite, resume)
    check_backbone(config.model)
    check_packages(config.tracking)
    given = {"train": train, "validation": validation, "test": test}
    frames = {split: frame for split, frame in given.items() if frame is not None}
    # As many rows as the devices divide, if a number of tokens decides.
    rows = config.training.batch_size if config.training.batch_tokens is None else 0
    begin = partial(start, config.distribution, batch_size=rows, seed=config.seed)
    several = joins_others(config.distribution)
    if several:  # one of them owns the directory, and all must hear whether it may
        begin()
    with owned_output(config.output.directory, overwrite, resume):
        from mtc_keras.data.reading import read_splits

        dataset = read_splits(config, frames)
        if not several:  # only now, as it takes seconds
            begin()
        from mtc_keras.train.steps import train_run

        return train_run(config, dataset, verbose, resume)
