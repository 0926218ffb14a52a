"""Who may import whom, what costs no time, and what the package offers."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mtc_keras

PACKAGE = Path(mtc_keras.__file__).parent
# From the ground up: a module imports only from rooms before its own, or from its own.
ROOMS = [
    ["errors", "memory", "disk"],
    ["losses", "balancing", "metrics", "tasks"],
    ["config"],
    ["data", "runtime", "distribution", "backbones", "optimizers", "decisions"],
    ["exporting", "self_test", "model_card", "served", "served_onnx", "tokenizer_json", "versions"],
    ["classifier", "scoring"],
    ["checkpoints", "interruption", "run", "report"],
    ["callbacks", "building", "resume"],
    ["loss_weights"],
    ["training", "command"],
    ["predictors"],
    ["bulk"],
    ["train", "evaluate", "predict", "calibrate", "compare", "comparison", "bootstrap"],
    ["export", "serving", "serving_onnx", "quantizing"],
]


def room(module: str) -> int:
    name = module.removeprefix("mtc_keras.").split(".")[0]
    return next(level for level, names in enumerate(ROOMS) if name in names)


def imports(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mtc_keras"):
            if node.module == "mtc_keras":
                yield from (f"mtc_keras.{alias.name}" for alias in node.names)
            else:
                yield node.module


@pytest.mark.parametrize(
    "path",
    sorted(set(PACKAGE.rglob("*.py")) - {PACKAGE / "__init__.py"}),
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_imports_point_downwards(path):
    module = path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".")
    own = room(module.removesuffix(".__init__"))
    for imported in imports(path):
        assert room(imported) <= own, f"{module} must not import {imported}"


def test_only_runtime_imports_jax():
    importers = {
        path.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import) and any(a.name.split(".")[0] == "jax" for a in node.names)
    }
    assert importers == {"runtime.py"}


def test_every_public_name_loads_and_none_bears_a_modules_name():
    modules = {path.stem for path in PACKAGE.glob("*.py")}
    for name in mtc_keras.__all__:
        assert getattr(mtc_keras, name) is not None
        assert name not in modules
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        mtc_keras.fitt  # noqa: B018


def loaded_after(code: str) -> set[str]:
    printed = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return set(printed.split())


@pytest.mark.parametrize(
    "code",
    [
        "import mtc_keras, mtc_keras.config",
        "import mtc_keras.train, mtc_keras.predict, mtc_keras.export",
    ],
)
def test_help_and_config_errors_need_no_heavy_import(code):
    assert not loaded_after(code) & {"keras", "jax", "tensorflow", "keras_hub", "pandas", "sklearn"}


def test_the_backend_is_jax_unless_the_user_chose_another():
    code = "import os; os.environ.pop('KERAS_BACKEND', 0); import mtc_keras"
    assert loaded_after(f"{code}; assert os.environ['KERAS_BACKEND'] == 'jax'")
    code = "import os; os.environ['KERAS_BACKEND'] = 'tensorflow'; import mtc_keras"
    assert loaded_after(f"{code}; assert os.environ['KERAS_BACKEND'] == 'tensorflow'")


def test_the_classifier_registers_all_that_a_trained_model_needs():
    assert "mtc_keras.optimizers" in loaded_after("import mtc_keras.classifier")
