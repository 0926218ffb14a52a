"""The kinds of task by name: those of this package, and what users register."""

from collections.abc import Mapping
from importlib import metadata
from typing import Any

from mtc_keras.errors import ConfigError, did_you_mean, listed
from mtc_keras.tasks.base import Task
from mtc_keras.tasks.multiclass import Multiclass
from mtc_keras.tasks.multilabel import Multilabel
from mtc_keras.tasks.ordinal import Ordinal
from mtc_keras.tasks.regression import Regression

ENTRY_POINTS = "mtc_keras.kinds"  # the group in which an installed package offers kinds
OWN: dict[str, type[Task]] = {
    "multiclass": Multiclass,
    "multilabel": Multilabel,
    "ordinal": Ordinal,
    "regression": Regression,
}
_kinds = dict(OWN)


def register_kind(name: str, task_class: type[Task]) -> None:
    """Makes a kind of task known to configs, to models that are built and to those that are saved.

    What a config, a run or a preset names is looked up here, and in the entry points of
    installed packages; nothing is imported because a file names it. A program started from a
    shell therefore needs the entry point, in the `pyproject.toml` of the user's package:

    ```toml
    [project.entry-points."mtc_keras.kinds"]
    count = "my_package.kinds:Count"
    ```

    Args:
        name: what a config calls it in `kind`.
        task_class: the subclass of `Task`, whose field `kind` has this default.

    Raises:
        TypeError: if it is not a subclass of `Task`, or an abstract one.
        ValueError: if its `kind` is another, or the name is taken by another class.

    Example:

    ```python
    class Stars(mtc_keras.Regression):
        kind: Literal["stars"] = Field(default="stars", description="A number of stars per row.")


    mtc_keras.register_kind("stars", Stars)
    ```
    """
    if not (isinstance(task_class, type) and issubclass(task_class, Task)):
        raise TypeError(f"a kind must be a subclass of mtc_keras.Task. Received: {task_class!r}")
    if missing := sorted(task_class.__abstractmethods__):
        raise TypeError(f"{task_class.__name__} must still define {', '.join(missing)}")
    own = task_class.model_fields["kind"].default
    if own != name:
        raise ValueError(
            f"the field `kind` of {task_class.__name__} must have the default {name!r}. "
            f"Received: {own!r}"
        )
    taken = _kinds.get(name)
    # Running a notebook's cell twice defines the same class again.
    if taken is not None and _full_name(taken) != _full_name(task_class):
        raise ValueError(f"kind {name!r} is taken by {_full_name(taken)}; choose another name")
    _kinds[name] = task_class


def kind_names() -> list[str]:
    """Returns the names of all kinds, without loading those that are installed."""
    installed = metadata.entry_points(group=ENTRY_POINTS).names
    return [*_kinds, *sorted(installed - _kinds.keys())]


def known_kinds() -> dict[str, type[Task]]:
    """Returns all kinds by name: this package's, those registered and those installed.

    Raises:
        ConfigError: if an installed kind cannot be loaded.
    """
    for point in metadata.entry_points(group=ENTRY_POINTS):
        if point.name not in _kinds:
            _load(point)
    return dict(_kinds)


def kind_named(name: object) -> type[Task] | None:
    """Returns the class of a kind, `None` if there is no such kind.

    Raises:
        ConfigError: if it is installed but cannot be loaded.
    """
    if not isinstance(name, str):
        return None
    if name not in _kinds:  # what this package has needs no look at what is installed
        for point in metadata.entry_points(group=ENTRY_POINTS, name=name):
            _load(point)
    return _kinds.get(name)


def task_from_config(config: Task | Mapping[str, Any]) -> Task:
    """Returns the task that `task.model_dump()` described; a task is returned as it is.

    Raises:
        ConfigError: if its kind is not known.
    """
    if isinstance(config, Task):
        return config
    kind = kind_named(config["kind"])
    if kind is None:
        known = kind_names()
        raise ConfigError(
            f"task {config.get('name')!r} is of kind {config['kind']!r}, which is not known here."
            f"{did_you_mean(str(config['kind']), known)} Known: {listed(known)}. "
            "If it is your own, call mtc_keras.register_kind before, or install the package that "
            f"offers it in {ENTRY_POINTS!r}"
        )
    return kind.model_validate(dict(config))


def _load(point: metadata.EntryPoint) -> None:
    try:
        register_kind(point.name, point.load())
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        package = point.dist.name if point.dist is not None else point.value
        raise ConfigError(
            f"kind {point.name!r}, which package {package!r} offers as {point.value!r}, cannot be "
            f"loaded: {error}"
        ) from error


def _full_name(kind: type[Task]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
