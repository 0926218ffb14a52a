"""What is used of other packages without documentation: all of it is listed, and there."""

import ast
import importlib
import io
import pkgutil
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import keras
import keras_hub
import numpy as np
import openpyxl
import pytest

import mtc_keras
from mtc_keras.model.private_members import PRIVATE_MEMBERS
from tests.conftest import ROOT

PACKAGE = Path(mtc_keras.__file__).parent
FOREIGN = ("keras", "keras_hub", "jax", "tensorflow")
LISTED = {path.rsplit(".", 1)[1] for path in PRIVATE_MEMBERS}


def found(path: str) -> object:
    """Returns what a dotted path leads to."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            value = getattr(value, part)
        return value
    raise AttributeError(path)


def instances() -> list[object]:
    """Objects of the classes some of whose members are set when they are made or begin."""
    inputs = keras.Input((2,))
    stopping = keras.callbacks.EarlyStopping()
    stopping.on_train_begin()
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.predict(np.zeros((1, 2)), verbose=0)
    workbook = io.BytesIO()
    openpyxl.Workbook().save(workbook)
    encoder = keras_hub.layers.TransformerEncoder(intermediate_dim=2, num_heads=1)
    encoder.build((None, None, 2))
    return [
        model,
        encoder,
        keras.Variable(0.0),
        stopping,
        keras.callbacks.SwapEMAWeights(),
        openpyxl.load_workbook(workbook, read_only=True).active,
    ]


@pytest.mark.parametrize("path", PRIVATE_MEMBERS)
def test_the_installed_versions_have_every_member(path):
    assert PRIVATE_MEMBERS[path], "each has a reason"
    owner, name = path.rsplit(".", 1)
    holder = found(owner)
    if hasattr(holder, name):
        return
    assert isinstance(holder, type)
    [instance] = [value for value in instances() if isinstance(value, holder)]
    assert hasattr(instance, name)


def sources() -> dict[str, ast.Module]:
    paths = sorted(PACKAGE.rglob("*.py"))
    return {str(p.relative_to(PACKAGE)): ast.parse(p.read_text(encoding="utf-8")) for p in paths}


def test_no_private_attribute_is_read_that_is_neither_our_own_nor_listed():
    own, read = set(), {}
    for file, tree in sources().items():
        for node in ast.walk(tree):
            match node:
                case (
                    ast.FunctionDef(name=name)
                    | ast.AsyncFunctionDef(name=name)
                    | ast.ClassDef(name=name)
                ):
                    own.add(name)
                case ast.Name(id=name, ctx=ast.Store()):
                    own.add(name)
                case ast.Attribute(attr=name, ctx=ast.Store()) if name not in LISTED:
                    own.add(name)
                case ast.Attribute(attr=name) if name.startswith("_") and name[1] != "_":
                    read.setdefault(name, f"{file}:{node.lineno}")
    documented = {"_asdict"}  # of named tuples
    known = own | LISTED | documented
    strangers = {name: where for name, where in read.items() if name not in known}
    assert strangers.pop("_exit", "").startswith("devices/processes.py")  # of `os`, documented
    assert strangers == {}


def test_no_private_method_of_keras_is_overridden_without_being_listed():
    for module in pkgutil.walk_packages(mtc_keras.__path__, "mtc_keras."):
        if not module.name.endswith(("__main__", "ray_engine")):
            importlib.import_module(module.name)
    ours, queue = [], [keras.Model, keras.layers.Layer, keras.callbacks.Callback]
    queue += [keras.optimizers.Optimizer, keras.losses.Loss, keras.metrics.Metric]
    while queue:
        subclasses = queue.pop().__subclasses__()
        queue += subclasses
        ours += [kind for kind in subclasses if kind.__module__.startswith("mtc_keras.")]
    assert {"MultiTaskClassifier", "BestEpoch", "LayerwiseAdamW"} <= {k.__name__ for k in ours}
    for kind in ours:
        foreign = [base for base in kind.__mro__ if base.__module__.startswith(FOREIGN)]
        for name in vars(kind):
            if re.match("_[a-z]", name) and any(hasattr(base, name) for base in foreign):
                assert name in LISTED, f"{kind.__name__}.{name} overrides a private method"


def test_no_module_of_a_package_s_inside_is_imported_without_being_listed():
    paths = set()
    for tree in sources().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                paths |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                paths |= {alias.name for alias in node.names}
    inside = {p for p in paths if re.search(r"\b(keras|keras_hub)\.src\b|\b_src\b|\.python\.", p)}
    assert inside <= PRIVATE_MEMBERS.keys()
    assert inside, "or the list has become too long"


def test_every_listed_member_is_used():
    text = "\n".join(
        ast.unparse(tree) for file, tree in sources().items() if "private_" not in file
    )
    for name in LISTED:
        assert re.search(rf"\b{name}\b", text), f"{name} may leave the list"


def test_packages_with_such_members_have_upper_bounds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = {re.split("[<>=]", line)[0]: line for line in project["dependencies"]}
    for name in ("jax", "keras", "keras-hub", "tensorflow"):
        assert re.search(r",<\d+\.\d+$", bounds[name]), bounds[name]
        below = bounds[name].rsplit("<", 1)[1]
        assert [*map(int, version(name).split(".")[:2])] < [*map(int, below.split("."))]


def test_a_path_that_is_not_there_is_noticed():
    with pytest.raises(AttributeError):
        found("keras.Model.no_such_member")
