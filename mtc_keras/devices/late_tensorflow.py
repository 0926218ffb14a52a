"""TensorFlow, imported when something needs it, and not because Keras and KerasHub might.

KerasHub's modules import TensorFlow and TensorFlow Text, which takes seconds, for graphs that read
texts: `tf.data` pipelines of users, a SavedModel. While this package imports them, or has them load
a folder, they are handed stand-ins, which become the real modules when they are asked for what only
these can do. No stand-in stays in `sys.modules`: whoever else imports TensorFlow, before or after,
gets it.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import pkgutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from types import ModuleType
from typing import Any

from mtc_keras.devices.late_modules import parts_imported_late

TENSORFLOW, TEXT = "tensorflow", "tensorflow_text"
BACKEND = "KERAS_BACKEND"
# What is asked of TensorFlow on the way to something else. As long as it is not imported, no
# object is of one of its types, and no graph is being traced.
TYPES = (
    "DType",
    "RaggedTensor",
    "data.Dataset",
    "SparseTensor",
    "Tensor",
    "TensorShape",
    "TypeSpec",
)
ANSWERS: dict[str, Callable[..., Any]] = {
    "tensorflow.device": lambda *args: nullcontext(),
    "tensorflow.executing_eagerly": lambda: True,
    "tensorflow.random.set_seed": lambda seed: once_imported(
        "seed", lambda tensorflow: tensorflow.random.set_seed(seed)
    ),
    "tensorflow.io.gfile.get_registered_schemes": list,  # of a folder's name, which has none
}
# What KerasHub's tokenizers make at once, so that it is not made within a graph.
READERS = ("FastWordpieceTokenizer", "SentencepieceTokenizer")
KNOWN = {
    *(f"{TENSORFLOW}.{name}" for name in ("data", "io", "io.gfile", "random", *TYPES)),
    *(f"{TEXT}.{name}" for name in READERS),
    *ANSWERS,
}

_stage = threading.local()  # what this thread does: "importing" Keras and KerasHub, or "using" them
_afterwards: dict[str, Callable[[Any], None]] = {}


class StandIn(ModuleType):
    """TensorFlow, one of its modules or members, until it is needed."""

    def __getattr__(self, name: str) -> Any:
        # KerasHub derives a cache of byte pairs from `tf.Module`, or from `object` where there is
        # none: the class serves TensorFlow as a backend, which saves the cache's tables by it.
        if name.startswith("__") or (name == "Module" and _stage_now() == "importing"):
            raise AttributeError(name)
        path = f"{self.__name__}.{name}"
        if _stage_now() == "importing" or (path in KNOWN and not is_imported()):
            return StandIn(path)
        return getattr(self._real(), name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not is_imported():
            if self.__name__ in ANSWERS:
                return ANSWERS[self.__name__](*args)
            if self.__name__ in KNOWN and self.__name__.startswith(TEXT):
                return Later(partial(self, *args, **kwargs))
        return self._real()(*args, **kwargs)

    def __instancecheck__(self, value: Any) -> bool:
        return is_imported() and isinstance(value, self._real())

    def _real(self) -> Any:
        with _at("asking"):
            return pkgutil.resolve_name(self.__name__)


class Later:
    """What reads texts in a graph, made when a graph needs it, and outside of that graph.

    Args:
        make: returns it; called once TensorFlow is imported.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if self._made is None:
            with importlib.import_module(TENSORFLOW).init_scope():
                self._made = self._make()
        return getattr(self._made, name)


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a stand-in for what one thread imports of TensorFlow meanwhile."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        is_ours = fullname.partition(".")[0] in (TENSORFLOW, TEXT)
        if not is_ours or _stage_now() not in ("importing", "using"):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """A stand-in holds nothing."""


class Afterwards(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Does what was put off as soon as TensorFlow is imported, by whomever."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != TENSORFLOW:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            self._loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        from mtc_keras.devices.quiet import quietly

        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self._loader
        with quietly():
            self._loader.exec_module(module)
            for action in _afterwards.values():
                action(module)
        sys.meta_path.remove(self)


@contextmanager
def imported_late() -> Iterator[None]:
    """While it is entered, Keras and KerasHub are imported without TensorFlow, plots and wrappers.

    Nothing is put off where TensorFlow is imported, where it is Keras' backend, or where KerasHub
    is imported already; and where it is not installed, KerasHub does without.
    """
    with parts_imported_late():
        if "keras_hub" in sys.modules or not _can_wait():
            yield
            return
        with _at("importing"):
            yield
            _hand_to_keras()


@contextmanager
def used_late() -> Iterator[None]:
    """While it is entered, KerasHub imports TensorFlow for what it really needs alone.

    It would ask TensorFlow whether a folder is a place in a cloud.
    """
    if not _can_wait():
        yield
        return
    with _at("using"):
        yield


def is_imported() -> bool:
    """Whether this process has imported TensorFlow, or is about to."""
    return type(sys.modules.get(TENSORFLOW)) not in (type(None), StandIn)


def once_imported(name: str, action: Callable[[Any], None]) -> None:
    """Has an action done to TensorFlow: now, or as soon as somebody imports it.

    Args:
        name: str. What is done; of several actions of one name the last is done.
        action: takes the module.
    """
    if is_imported():
        action(sys.modules[TENSORFLOW])
        return
    if not any(isinstance(finder, Afterwards) for finder in sys.meta_path):
        sys.meta_path.insert(0, Afterwards())
    _afterwards[name] = action


def _can_wait() -> bool:
    if is_imported() or TEXT in sys.modules or _stage_now() or os.environ.get(BACKEND) != "jax":
        return False
    return all(importlib.util.find_spec(name) is not None for name in (TENSORFLOW, TEXT))


@contextmanager
def _at(stage: str) -> Iterator[None]:
    """Has this thread get stand-ins from its imports, or the real modules by `"asking"`."""
    before, _stage.now = _stage_now(), stage
    found = _without_stand_ins()
    finder = StandIns()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        _stage.now = before
        sys.meta_path.remove(finder)
        _without_stand_ins()
        if before:
            sys.modules.update({name: sys.modules.get(name, found[name]) for name in found})


def _without_stand_ins() -> dict[str, ModuleType]:
    """Takes the stand-ins out of `sys.modules`, and returns them."""
    found: dict[str, ModuleType] = {
        name: module for name, module in sys.modules.items() if type(module) is StandIn
    }
    for name in found:
        del sys.modules[name]
    return found


def _hand_to_keras() -> bool:
    """Gives Keras' own lazy module the stand-in, which it keeps; returns whether Keras has it.

    It would import TensorFlow to see whether an object to be written to a config is one of its.
    """
    if "keras" not in sys.modules:
        return False
    from keras.src.utils.module_utils import tensorflow

    return bool(tensorflow.available)  # which is asked once, and kept with the module


def _stage_now() -> str:
    return getattr(_stage, "now", "")
