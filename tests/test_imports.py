"""Who may import whom, what costs no time, and what the package offers."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mtc_keras

PACKAGE = Path(mtc_keras.__file__).parent
EXPORT = Path(__file__).parent / "written_by_0_1" / "export_onnx" / "1"
# From the ground up: a room imports only from rooms on lines before its own, or from its own.
ROOMS = [
    "errors",
    "files",
    "tasks",
    "config",
    "console",
    "pages",
    "devices",
    "tokenization",
    "data",
    "programs",
    "scoring",
    "model",
    "run",
    "export",
    "init",
    "shrink",
    "check",
    "report",
    "train",
    "predict",
    "evaluate",
    "calibrate",
    "distill",
    "compare",
    "launch",
    "serve",
    "cli",
    "__main__",
]
# A method of the model's class opens the room above it when it is called, and not before.
OPENED_LATER = {("model.classifier", "mtc_keras.export.writing")}
ALIASES = {"classifier"}  # where a module was until 0.1


def room(module: str) -> int:
    return ROOMS.index(module.removeprefix("mtc_keras.").split(".")[0])


def imports(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mtc_keras"):
            if node.module == "mtc_keras":
                yield from (f"mtc_keras.{alias.name}" for alias in node.names)
            else:
                yield node.module


def module_name(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".")


@pytest.mark.parametrize(
    "path",
    sorted(set(PACKAGE.rglob("*.py")) - {PACKAGE / "__init__.py"}),
    ids=module_name,
)
def test_imports_point_downwards(path):
    module = module_name(path)
    if module in ALIASES:
        return
    for imported in imports(path):
        if (module, imported) not in OPENED_LATER:
            assert room(imported) <= room(module), f"{module} must not import {imported}"


def test_what_computes_for_a_server_knows_nothing_of_http():
    inner = [*(PACKAGE / "serve" / "workers").rglob("*.py"), PACKAGE / "serve" / "engine.py"]
    http = {m for path in inner for m in imports(path) if m.startswith("mtc_keras.serve.http")}
    assert len(inner) > 2 and not http


def test_only_the_room_of_devices_imports_jax():
    importers = {
        module_name(path).split(".")[0]
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import) and any(a.name.split(".")[0] == "jax" for a in node.names)
    }
    assert importers == {"devices"}


def test_only_tasks_ask_for_the_class_of_a_task():
    import mtc_keras.tasks as tasks

    classes = {
        name
        for name, value in vars(tasks).items()
        if isinstance(value, type) and issubclass(value, tasks.Task) and value is not tasks.Task
    }
    assert {"Multiclass", "ClassificationTask", "Regression"} <= classes
    asked = [
        f"{module_name(path)}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        if module_name(path).split(".")[0] != "tasks"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("isinstance", "issubclass")
        and classes & {n.id for n in ast.walk(node.args[1]) if isinstance(n, ast.Name)}
    ]
    assert asked == []


def test_no_file_is_longer_than_500_lines():
    lengths = {
        module_name(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    assert [name for name, length in lengths.items() if length > 500] == []
    assert sorted(lengths.values())[len(lengths) // 2] < 160


def test_no_function_takes_more_than_six_arguments_by_position():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                arguments = [*node.args.posonlyargs, *node.args.args]
                names = [a.arg for a in arguments if a.arg not in ("self", "cls")]
                assert len(names) <= 6, f"{module_name(path)}.{node.name}: {names}"


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
        "from mtc_keras.cli import build_parser, programs; build_parser(programs())",
    ],
)
def test_help_and_config_errors_need_no_heavy_import(code):
    assert not loaded_after(code) & {"keras", "jax", "tensorflow", "keras_hub", "pandas", "sklearn"}


def test_a_text_is_predicted_by_an_onnx_export_without_what_trains_and_reads_tables():
    pytest.importorskip("onnxruntime")
    code = (
        "import contextlib, io\n"
        "from mtc_keras.predict.program import main\n"
        "with contextlib.redirect_stdout(io.StringIO()) as out:\n"
        f"    code = main(['--model', {str(EXPORT)!r}, '--text', 'good', '--json'])\n"
        "assert code == 0 and 'predicted_mood' in out.getvalue()"
    )
    heavy = {"keras", "jax", "tensorflow", "keras_hub", "pandas", "pyarrow", "sklearn", "scipy"}
    assert not loaded_after(code) & heavy


def test_the_backend_is_jax_unless_the_user_chose_another():
    code = "import os; os.environ.pop('KERAS_BACKEND', 0); import mtc_keras"
    assert loaded_after(f"{code}; assert os.environ['KERAS_BACKEND'] == 'jax'")
    code = "import os; os.environ['KERAS_BACKEND'] = 'tensorflow'; import mtc_keras"
    assert loaded_after(f"{code}; assert os.environ['KERAS_BACKEND'] == 'tensorflow'")


def test_the_classifier_registers_all_that_a_trained_model_needs():
    assert "mtc_keras.model.optimizers" in loaded_after("import mtc_keras.model.classifier")
