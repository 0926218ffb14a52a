"""The folder of an export: versions count up, and one is whole or not there."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mtc_keras.errors import ConfigError, is_utf8
from mtc_keras.files import (
    Format,
    check_folder,
    folder_written_whole,
    held,
    json_line,
    parents_made,
    remove_leftovers,
    resolved,
    write_whole,
)

ABOUT = "assets.extra/mtc_keras.json"
SAVED_MODEL, ONNX = "saved_model", "onnx"  # the formats
ONNX_ABOUT = "mtc_keras.json"
WARM_UP = "assets.extra/tf_serving_warmup_requests"
MODELS = "models.config"
ONNX_ASKED_BY = ("onnxruntime", "tokenizers")
ONNX_PACKAGES = ("onnx", "onnxruntime", "tf2onnx", "tokenizers")
INT8_PACKAGES = ("cpuinfo",)


def _number_beside_name(about: dict[str, Any]) -> dict[str, Any]:
    """0.1 had the name of what TensorFlow or ONNX Runtime reads under the key of the number."""
    return {("model_format" if key == "format" else key): about[key] for key in about}


FORMAT = Format(migrations=(_number_beside_name,))  # of `mtc_keras.json`


def version_folder(path: str | Path) -> Path:
    """Returns the folder of an export's version.

    Args:
        path: a version folder, whose name is a number; or the folder of versions, as TensorFlow
            Serving wants them: the next number is taken.

    Raises:
        ConfigError: if the folder holds something else, or the version is there.
    """
    path = resolved(path, f"export folder {str(path)!r}")
    if is_version(path) or not os.path.isdir(path):
        version = path if is_version(path) else path / "1"
    else:
        found = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
        strangers = sorted(p.name for p in found if not is_version(p) and p.name != MODELS)
        if strangers:
            raise ConfigError(
                f"export folder {str(path)!r} holds {strangers[0]!r}, which is not a version; "
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
    if os.path.isdir(directory) and any(directory.iterdir()):
        raise ConfigError(f"{where} holds something already; choose another, or remove it")
    check_folder(directory, where)


def check_format(directory: Path, format: str) -> None:
    """Checks, before anything large is read, that a format can be written into a folder.

    Raises:
        ConfigError: for an unknown format, ONNX among the versions of a SavedModel, or a path
            that is not UTF-8.
    """
    if format not in (SAVED_MODEL, ONNX):
        raise ConfigError(f"format must be {SAVED_MODEL!r} or {ONNX!r}, received {format!r}")
    check_utf8(directory)
    if format == ONNX and is_version(directory) and (directory.parent / MODELS).exists():
        raise ConfigError(
            f"export folder {str(directory.parent)!r} has the versions that TensorFlow Serving "
            "loads, of which ONNX is none; choose another folder"
        )


def check_packages(format: str, quantize: str | None = None) -> None:
    """Checks that the packages by which a format is written, and measured, are installed.

    Raises:
        ConfigError: naming those that are not.
    """
    if format == ONNX:
        packages = ONNX_PACKAGES + (INT8_PACKAGES if quantize else ())
        _check_installed("an ONNX export needs", packages)


def check_asking() -> None:
    """Checks that the packages by which an ONNX export is asked are installed.

    Raises:
        ConfigError: naming those that are not.
    """
    _check_installed("predicting with an ONNX export needs", ONNX_ASKED_BY)


def _check_installed(what: str, packages: Sequence[str]) -> None:
    absent = [name for name in packages if find_spec(name) is None]
    if absent:
        raise ConfigError(f"{what} {', '.join(absent)}: pip install 'mtc-keras[onnx]'")


def check_utf8(path: Path) -> None:
    """Checks that TensorFlow and ONNX Runtime can name an export's folder.

    Raises:
        ConfigError: if its path is not UTF-8, as Linux allows.
    """
    if not is_utf8(str(path)):
        raise ConfigError(
            f"export folder {str(path)!r}: TensorFlow and ONNX Runtime open paths in UTF-8 alone, "
            "which this is not; choose another name"
        )


@contextlib.contextmanager
def unfinished_folder(directory: Path) -> Iterator[Path]:
    """Gives a folder that gets its name at the end, or is removed with all that was made.

    Raises:
        ConfigError: if another process writes this version, or has written it meanwhile.
    """
    with parents_made(directory), held(directory, f"export folder {str(directory)!r}"):
        check_target(directory)  # another process may have begun and ended here
        remove_leftovers(directory.parent, directory.name)
        with folder_written_whole(directory) as part:
            yield part
            check_target(directory)  # where folders cannot be held, another may be faster


def write_models_config(folder: Path) -> None:
    """Writes TensorFlow Serving's list of the versions, unless there is one."""
    path, name = folder / MODELS, json_line(folder.name)
    base = json_line(f"/models/{folder.name}")
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
    write_whole(path, text)
