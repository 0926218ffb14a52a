"""A stranger's model cannot take memory or time that its files do not have, nor run their code."""

import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import mtc_keras
from mtc_keras.config import ModelConfig
from mtc_keras.errors import ConfigError, UserError
from mtc_keras.model.backbones.names import check_backbone
from mtc_keras.model.saved_classes import FAMILIES, check_classes
from mtc_keras.predict import program as predict
from mtc_keras.run.directory import TASK, Run
from tests.conftest import RESERVED
from tests.run.damaged import (
    backbone,
    change,
    replace,
    run_of_today,
    stamp,
    task,
    task_config,
    write,
)

WEIGHTS, HEADS = "model/model.weights.h5", "model/task.weights.h5"
VOCABULARY = "model/assets/tokenizer/vocabulary.txt"
FILES = [WEIGHTS, HEADS, VOCABULARY, "model/config.json", TASK, "model/preprocessor.json"]
FILES += ["config.toml", "metrics.json", "run.json", "SHA256SUMS", "model/SHA256SUMS"]
LAMBDA = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {"function": {"class_name": "__lambda__", "config": {"value": "4wEAAA=="}}},
    "registered_name": None,
}


def loop(path: Path) -> None:
    path.symlink_to(path.with_name(f"{path.name}.2"))
    path.with_name(f"{path.name}.2").symlink_to(path)


def listening(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)  # as the names of sockets must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{folder}/{path.name}")
    os.close(folder)


NOT_REGULAR: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a socket": listening,
    "a loop of links": loop,
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "a folder": Path.mkdir,
}


def sparse(name: str, size: int = 10 * 2**30) -> Callable[[Path], None]:
    """Returns what makes a file large that takes no room on the disk."""
    return lambda run: os.truncate(run / name, size)


def nested(run: Path) -> None:
    (run / TASK).write_text(f'{{"config": {"[" * 10**6}')


def with_arrays(name: str, fill: Callable[[h5py.File], object]) -> Callable[[Path], None]:
    """Returns what writes other arrays into a file of weights."""

    def damage(run: Path) -> None:
        (run / name).unlink()
        with h5py.File(run / name, "w") as file:
            fill(file)

    return damage


def overlapping(file: h5py.File) -> None:
    group = file.create_group("a")
    group["b"] = np.zeros(9)
    group["c"] = group["b"]


def at(place: str, table: object) -> Callable[[Path], None]:
    """Returns what puts a table into the config of `task.json`."""
    return task_config(**{place: table})


def serialized(**values: object) -> dict[str, object]:
    return {"module": "keras_hub.src.models.bert.bert_backbone", "config": {}, **values}


def policies(pattern: str) -> Callable[[Path], None]:
    """Returns what gives a backbone a map of dtypes whose keys Keras takes for patterns."""
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}
    values = {"default_policy": policy, "policy_map": {pattern: policy}}
    return backbone(dtype={"module": "keras", "class_name": "DTypePolicyMap", "config": values})


def reading(**values: object) -> Callable[[Path], None]:
    """Returns what changes how a preprocessor and its tokenizer read texts."""

    def of_task(saved: dict[str, Any]) -> None:
        preprocessor = saved["config"]["preprocessor"]["config"]
        tokenizer = preprocessor["tokenizer"]["config"]
        for config in (preprocessor, tokenizer):
            config.update({key: value for key, value in values.items() if key in config})

    return change(TASK, of_task)


BOMBS: dict[str, Callable[[Path], None]] = {
    "vocabulary": backbone(vocabulary_size=2**34),
    "a vocabulary within bounds": backbone(vocabulary_size=9_000_000, hidden_dim=1024),
    "layers": backbone(num_layers=10**7),
    "layers within bounds": backbone(num_layers=999, hidden_dim=4096),
    "width": backbone(hidden_dim=65_536, intermediate_dim=1_000_000),
    "a number of any length": backbone(hidden_dim=10**4000),
    "segments": backbone(num_segments=10**9),
    "tokens of the backbone": backbone(max_sequence_length=2**40),
    "tokens of the preprocessor": change(
        "model/preprocessor.json", lambda saved: saved["config"].update(sequence_length=2**40)
    ),
    "classes": task(1, classes=None, num_classes=10**9),
    "classes within bounds": task(1, classes=None, num_classes=999_999, decisions={}),
    "a slice": task(1, classes=None, column="l[0:3000000000]"),
    "a position": task(1, column="l[30000000000000]"),
    "hidden layers": task(0, hidden=[10**9]),
    "hidden layers within bounds": task(0, hidden=[65_536] * 50),
    "many hidden layers": task(0, hidden=[1] * 10**5),
    "dropout": task_config(dropout=5),
    "nested JSON": nested,
    "nested TOML": write("config.toml", f"a = {'{b = ' * 10**5}"),
    "a large vocabulary": sparse(VOCABULARY),
    "a large task.json": sparse(TASK),
    "a large config.toml": sparse("config.toml"),
    "a large metrics.json": sparse("run.json"),
    "no content": with_arrays(WEIGHTS, lambda f: f.create_dataset("a", (2**40,), "f4")),
    "compressed": with_arrays(
        WEIGHTS, lambda f: f.create_dataset("a", (2**24,), "f4", fillvalue=1, compression="gzip")
    ),
    "an array twice": with_arrays(WEIGHTS, overlapping),
    "a link to another file": with_arrays(
        HEADS, lambda f: f.update(a=h5py.ExternalLink("/etc/passwd", "/"))
    ),
    "a soft link": with_arrays(HEADS, lambda f: f.update(a=h5py.SoftLink("/b"))),
    "a circle": with_arrays(HEADS, lambda f: f.create_group("a").update(b=f["/"])),
    "content elsewhere": with_arrays(
        HEADS, lambda f: f.create_dataset("a", (9,), "u1", external=[("/etc/passwd", 0, 9)])
    ),
    "texts": with_arrays(HEADS, lambda f: f.update(a=["x"] * 9)),
    "a pattern that takes for ever": policies("(([a-z_0-9/]+)+)+!"),
    # === What ends the process, or a prediction that has begun ===
    "a mark that crashes TensorFlow": reading(suffix_indicator="x" * 10**6),
    "no mark": reading(oov_token=""),
    "tokens that are texts": change(
        "model/tokenizer.json", lambda saved: saved["config"].update(dtype="string")
    ),
    "another way to cut": reading(truncate="x"),
    "a name that no layer can have": backbone(name="a\n\x1b[31m"),
    "a name with a blank": backbone(name="my backbone"),
    "a long name": backbone(name="x" * 10**5),
    # === Classes ===
    "a lambda as backbone": at("backbone", LAMBDA),
    "a lambda as preprocessor": at("preprocessor", LAMBDA),
    "a lambda as balancing": at("balancing", LAMBDA),
    "a lambda in a list": at("balancing", {"config": [[LAMBDA]], "class_name": "x"}),
    "a graph of TensorFlow": at(
        "balancing",
        {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/tmp"}},
    ),
    "a function": at(
        "balancing",
        {"module": "builtins", "class_name": "function", "config": {}, "registered_name": "eval"},
    ),
    "a class of KerasHub that reads images": at(
        "backbone",
        serialized(class_name="VGGBackbone", registered_name="keras_hub>VGGBackbone"),
    ),
    "a class under another name": at(
        "backbone", serialized(class_name="Lambda", registered_name="mine>Lambda")
    ),
    "a vocabulary from elsewhere": change(
        TASK,
        lambda saved: saved["config"]["preprocessor"]["config"]["tokenizer"]["config"].update(
            vocabulary="/etc/passwd"
        ),
    ),
    "another model": change(TASK, lambda saved: saved.update(registered_name="keras_hub>GPT2")),
    "a backbone of a preset": change("model/config.json", lambda saved: saved.update(LAMBDA)),
}


@pytest.fixture
def run(tmp_path) -> Path:
    return run_of_today(tmp_path / "run")


@pytest.fixture
def limited(monkeypatch):
    """Fails where Keras would build anything: what is refused before costs next to nothing."""
    monkeypatch.setattr(
        "keras_hub.src.utils.preset_utils.KerasPresetLoader.load_task",
        lambda *arguments, **options: pytest.fail("it was built"),
    )


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_anything_is_built(name, run, limited, capsys):
    BOMBS[name](run)
    if not name.startswith("a large"):  # hashing is not what is tested
        stamp(run)
    for options in ([], ["--unchecked"]):
        assert predict.main(["--model", str(run), "--text", "good", *options]) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and "Traceback" not in error and len(error) < 3000
    with pytest.raises(UserError):
        mtc_keras.load(run, check=False)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", NOT_REGULAR)
@pytest.mark.timeout(60)
def test_only_regular_files_are_read(kind, name, run, limited, capsys):
    replace(name, NOT_REGULAR[kind])(run)
    for options in ([], ["--unchecked"]):
        if name == "metrics.json" or (name.endswith("SUMS") and options):
            continue  # `predict` reads no metrics, and `--unchecked` no checksums
        assert predict.main(["--model", str(run), "--text", "good", *options]) == 2
        assert "Traceback" not in capsys.readouterr().err
    if name == "metrics.json":
        with pytest.raises(UserError):
            _ = Run(run, check=False).metrics


def test_what_is_refused_takes_little_memory(run):
    """The address space of the process is limited to some hundred megabytes more than it has."""
    import subprocess

    for name in ("a vocabulary within bounds", "layers within bounds", "no content", "a slice"):
        folder = run_of_today(run.with_name(name.replace(" ", "_")))
        BOMBS[name](folder)
        stamp(folder)
    code = (
        "import resource, sys, numpy\n"
        "from mtc_keras.errors import UserError\n"
        "from mtc_keras.run.directory import Run\n"
        "import mtc_keras.model.checking, h5py\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 300 * 2**20,) * 2)\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        Run(path).check_model()\n"
        "    except UserError:\n"
        "        print('refused')\n"
        "assert 'keras' not in sys.modules\n"
    )
    folders = [str(path) for path in sorted(run.parent.iterdir()) if path != run]
    found = subprocess.run(
        [sys.executable, "-c", code, *folders], capture_output=True, text=True, timeout=60
    )
    assert found.stdout.split() == ["refused"] * 4, found.stderr


def test_a_reader_that_a_run_names_is_not_imported(run, tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "evil_reader.py").write_text("raise SystemExit('imported')")
    text = (run / "config.toml").read_text().replace("\r", "")
    lines = [line for line in text.splitlines() if not line.startswith(("train", "valid", "test"))]
    text = "\n".join(lines).replace("[data]", '[data]\nreader = "evil_reader:rows"', 1)
    (run / "config.toml").write_text(text)
    stamp(run)
    from mtc_keras import calibrate, evaluate

    assert Run(run).config.data.reader == "evil_reader:rows"
    for program in (evaluate, calibrate):
        assert program.main(["--model", str(run)]) == 2  # it names no files
        assert "give --data FILE" in capsys.readouterr().err
    assert predict.main(["--model", str(run), "--text", "good"]) == 0
    assert "evil_reader" not in sys.modules


# === What is allowed ===


def test_every_family_of_the_installed_kerashub_is_known():
    import keras_hub

    models = Path(keras_hub.__file__).parent / "src" / "models"
    found = set()
    for file in models.glob("*/*_text_classifier_preprocessor.py"):
        text = file.read_text()
        found |= {
            name
            for name in dir(keras_hub.models)
            if name.endswith("TextClassifierPreprocessor") and f"class {name}(" in text
        }
    assert {name.removesuffix("TextClassifierPreprocessor") for name in found} == set(FAMILIES)


def test_a_users_own_registered_class_is_let_through():
    table = {"module": None, "class_name": "Mine", "config": {}, "registered_name": "lab>Mine"}
    check_classes({"config": {"balancing": {**table, "module": "lab.balancing"}}})
    with pytest.raises(ValueError, match="names the class 'lab>Mine', of which no model is built"):
        check_classes({"balancing": {**table, "module": "keras.src.layers"}})


def test_patterns_of_dtypes_as_keras_documents_them_are_let_through(run):
    policies("transformer_layer_0/.*")(run)
    policies("encoder/attention/query")(run)
    stamp(run)
    Run(run).check_model()


def test_a_keras_file_with_another_class_is_refused(run):
    from mtc_keras.model.classifier import MultiTaskClassifier

    config = json.loads((run / TASK).read_text())["config"]
    with pytest.raises(ValueError, match="'Lambda', of which no model is built"):
        MultiTaskClassifier.from_config({**config, "balancing": LAMBDA})


# === Folders of backbones ===

SIZES = {"vocab_size": 99, "hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2}
SIZES |= {"num_hidden_layers": 1, "max_position_embeddings": 16}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"vocabulary_size": 2**34}, "vocabulary_size: Input should be less than or equal"),
        ({"hidden_dim": 65_536}, "describes a model of about"),
    ],
)
def test_a_backbone_larger_than_its_weights_is_refused(values, message, run):
    backbone(**values)(run)
    with pytest.raises(ConfigError, match=message):
        check_backbone(ModelConfig(backbone=str(run / "model"), max_length=16))


def test_a_backbone_of_hugging_face_larger_than_its_weights_is_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(8, "f4")}, tmp_path / "model.safetensors")
    (tmp_path / "vocab.txt").write_text("\n".join(RESERVED))
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    sizes = {**SIZES, "hidden_size": 4096, "num_hidden_layers": 900}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", **sizes}))
    with pytest.raises(ConfigError, match=r"but model\.safetensors holds 8 numbers"):
        check_backbone(ModelConfig(backbone=str(tmp_path), max_length=16))
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 8 + b"{}")
    with pytest.raises(ConfigError, match="holds no weights"):
        check_backbone(ModelConfig(backbone=str(tmp_path), max_length=16))
    (tmp_path / "model.safetensors").unlink()
    os.mkfifo(tmp_path / "model.safetensors")
    with pytest.raises(ConfigError, match=r"missing|is not a regular file"):
        check_backbone(ModelConfig(backbone=str(tmp_path), max_length=16))


GARBAGE = ["many", [1], float("inf"), {}]
OF_PARTS: list[object] = [[], {}, {"weight_map": [1]}, {"weight_map": {"a": ["x"]}}]
OF_PARTS += [{"weight_map": {"a": "../x.safetensors"}}]


@pytest.mark.parametrize("value", GARBAGE)
def test_a_backbone_whose_description_is_garbage_is_one_message(value, run, tmp_path):
    described = json.loads((run / "model" / "config.json").read_text())
    for own in (
        {**described, "config": {**described["config"], "max_sequence_length": value}},
        {**described, "config": [value]},
        {"model_type": "bert", "max_position_embeddings": value},
        {"model_type": value},
    ):
        (run / "model" / "config.json").write_text(json.dumps(own))
        with pytest.raises(ConfigError, match=r"config\.json|is a model of type"):
            check_backbone(ModelConfig(backbone=str(run / "model"), max_length=16))


@pytest.mark.parametrize("index", OF_PARTS)
def test_an_index_of_parts_that_is_garbage_is_one_message(index, tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(RESERVED))
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", **SIZES}))
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "link").symlink_to("nowhere")
    with pytest.raises(ConfigError, match=r"names no parts|which is no part of it"):
        check_backbone(ModelConfig(backbone=str(tmp_path), max_length=16))
