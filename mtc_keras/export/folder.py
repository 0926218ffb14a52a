"""The folder of an export: versions count up, and one is whole or not there."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from mtc_keras.errors import ConfigError
from mtc_keras.files import held, sync, sync_all

ABOUT = "assets.extra/mtc_keras.json"
SAVED_MODEL, ONNX = "saved_model", "onnx"  # the formats
ONNX_ABOUT = "mtc_keras.json"
WARM_UP = "assets.extra/tf_serving_warmup_requests"
MODELS = "models.config"
UNFINISHED = ".unfinished"
ONNX_PACKAGES = ("onnx", "onnxruntime", "tf2onnx", "tokenizers")


def version_folder(path: str | Path) -> Path:
    """Returns the folder of an export's version.

    Args:
        path: a version folder, whose name is a number; or the folder of versions, as TensorFlow
            Serving wants them: the next number is taken.

    Raises:
        ConfigError: if the folder holds something else, or the version is there.
    """
    path = Path(path).expanduser().resolve()
    if is_version(path) or not path.is_dir():
        version = path if is_version(path) else path / "1"
    else:
        found = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
        strangers = sorted(p.name for p in found if not is_version(p) and p.name != MODELS)
        if strangers:
            raise ConfigError(
                f"export folder {str(path)!r} holds {strangers[0]!r}, which is no version; "
                "choose another folder"
            )
        version = path / str(max((int(p.name) for p in found if is_version(p)), default=0) + 1)
    check_target(version)
    return version


def is_version(path: Path) -> bool:
    """Whether a folder's name is a number, as TensorFlow Serving names versions."""
    return path.name.isascii() and path.name.isdigit()


def check_target(directory: Path) -> None:
    """Checks that an export may be written.

    Raises:
        ConfigError: if the folder holds something, or cannot be made.
    """
    where = f"export folder {str(directory)!r}"
    if directory.is_dir() and any(directory.iterdir()):
        raise ConfigError(f"{where} holds something already; choose another, or remove it")
    if directory.exists() and not directory.is_dir():
        raise ConfigError(f"{where} is a file; choose another")
    parent = next(p for p in directory.parents if p.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise ConfigError(f"{where} cannot be made in {str(parent)!r}; choose another")


def check_format(directory: Path, format: str) -> None:
    """Checks, before anything large is read, that a format can be written into a folder.

    Raises:
        ConfigError: for an unknown format, packages that are not installed, or ONNX among the
            versions of a SavedModel.
    """
    if format not in (SAVED_MODEL, ONNX):
        raise ConfigError(f"format must be {SAVED_MODEL!r} or {ONNX!r}, received {format!r}")
    if format == SAVED_MODEL:
        return
    absent = [name for name in ONNX_PACKAGES if find_spec(name) is None]
    if absent:
        raise ConfigError(
            f"an ONNX export needs {', '.join(absent)}: pip install 'mtc-keras[onnx]'"
        )
    if is_version(directory) and (directory.parent / MODELS).exists():
        raise ConfigError(
            f"export folder {str(directory.parent)!r} has the versions that TensorFlow Serving "
            "loads, of which ONNX is none; choose another folder"
        )


@contextlib.contextmanager
def unfinished_folder(directory: Path) -> Iterator[Path]:
    """Gives a folder that gets its name at the end, or is removed with all that was made."""
    made = [parent for parent in directory.parents if not parent.exists()]
    part = directory.with_name(f".{directory.name}.{os.getpid()}{UNFINISHED}")
    _remove_leftovers(directory)
    part.mkdir(parents=True)
    try:
        with held(part):
            yield part
            sync_all(part)
            check_target(directory)  # another process may have been faster
            part.rename(directory)
        sync(directory.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        for parent in made:
            with contextlib.suppress(OSError):  # another process has put something there
                parent.rmdir()
        raise


def _remove_leftovers(directory: Path) -> None:
    """Removes unfinished folders that no process holds: those of exports that were killed."""
    beside = directory.parent.iterdir() if directory.parent.exists() else ()
    for path in [p for p in beside if p.name.startswith(f".{directory.name}.")]:
        if path.suffix == UNFINISHED:
            with contextlib.suppress(BlockingIOError), held(path):
                shutil.rmtree(path, ignore_errors=True)


def write_models_config(folder: Path) -> None:
    """Writes what tells TensorFlow Serving of the versions, where there is none yet."""
    path, name = folder / MODELS, json.dumps(folder.name, ensure_ascii=False)
    base = json.dumps(f"/models/{folder.name}", ensure_ascii=False)
    if path.exists():
        return
    text = (
        "model_config_list {\n"
        "  config {\n"
        f"    name: {name}\n"
        f"    base_path: {base}\n"
        '    model_platform: "tensorflow"\n'
        "  }\n"
        "}\n"
    )
    part = path.with_name(f".{MODELS}.part")
    part.write_text(text, encoding="utf-8")
    sync(part)
    part.replace(path)
