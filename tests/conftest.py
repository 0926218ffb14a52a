"""A tiny model, a few rows, and a config to train both in seconds."""

import contextlib
import functools
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from mtc_keras.config import Config, check_config
from mtc_keras.data.blocks import Block
from mtc_keras.data.sources import file_blocks, own_blocks
from mtc_keras.tasks import Decision, Multiclass, Multilabel, Regression, Task
from tests import SHARED, browsing, fuzzing  # noqa: F401 - registers the profile `long`

# The same examples on every machine, however slow it is.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

ROOT = Path(__file__).parents[1]
WORDS = ["good", "bad", "fine", "slow", "kind", "rude", "queue", "form", "clerk", "office"]
WORDS += ["website", "fee", "bus", "late", "clean"]
RESERVED = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?"
VOCABULARY = [*RESERVED, *WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
# A backbone whose word pieces are learned from the training texts, which takes seconds.
RANDOM = {
    "backbone": "random",
    "random": {"hidden_dim": 8, "intermediate_dim": 8, "num_layers": 1},
}


@pytest.fixture
def programs():
    """The names of what XLA compiles, or reads from its cache, while a test runs."""
    import jax

    names = []

    def listen(event, seconds, **kwargs):
        if event.endswith("backend_compile_duration"):
            names.append(kwargs.get("fun_name", ""))

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield names
    jax.monitoring.unregister_event_duration_listener(listen)


@pytest.fixture(scope="session")
def tasks() -> list[Task]:
    """One task of each kind; the first is called like a layer of the backbone."""
    return [
        Multiclass(name="pooled_dense", classes=["bad", "fine", "good"]),
        Multilabel(name="topics", classes=["bus", "fee", "form", "queue"], loss_weight=4.0),
        Regression(name="a_number", mean=3.0, scale=1.5),
    ]


def rows(count: int, seed: int = 0) -> pd.DataFrame:
    """Returns rows whose labels follow from the words of their text."""
    random = np.random.default_rng(seed)
    records = []
    for row in range(count):
        words = random.choice(WORDS, size=random.integers(2, 12)).tolist()
        mood = int("good" in words) - int("bad" in words) + 1
        records.append(
            {
                "id": f"r{row}",
                "text": " ".join(words),
                "mood": ["bad", "fine", "good"][mood],
                "topics": sorted({w for w in words if w in ("bus", "fee", "form", "queue")}),
                "length": float(len(words)),
            }
        )
    return pd.DataFrame(records)


def read_block(file) -> Block:
    """Returns the rows of a file, which are few, as one block."""
    [block] = file_blocks(file)
    return block


def own_block(source, name: str) -> Block:
    """Returns the rows of a user's own source, which are few, as one block."""
    [block] = own_blocks(source, name)
    return block


@pytest.fixture
def frame() -> pd.DataFrame:
    return rows(64)


@functools.cache
def tiny_backbone() -> str:
    """Returns the folder of a preset of random weights: one layer, and a fixed vocabulary.

    Every process of a session finds the same one: it is written once, and in one step.
    """
    folder = SHARED / "backbone"
    if not folder.exists():
        backbone, preprocessor = tiny_bert(
            VOCABULARY,
            num_layers=1,
            intermediate_dim=8,
            max_sequence_length=512,
            dropout=0.1,
        )
        written = Path(tempfile.mkdtemp(dir=SHARED))
        backbone.save_to_preset(str(written))
        preprocessor.save_to_preset(str(written))
        with contextlib.suppress(OSError):  # another process was faster
            written.rename(folder)
    return str(folder)


def tiny_config(directory, **sections) -> Config:
    """Returns a config of three tasks on a tiny backbone; sections are merged into it."""
    values = tiny_values(directory)
    for name, section in sections.items():
        values[name] = {**values.get(name, {}), **section}
    return check_config(values)


def tiny_values(directory) -> dict:
    """Returns what a TOML file of such a config would hold."""
    return {
        "tasks": {
            "mood": {"kind": "multiclass"},
            "topics": {"kind": "multilabel", "loss_weight": 2.0},
            "length": {"kind": "regression"},
        },
        "model": {"backbone": tiny_backbone(), "max_length": 16},
        "training": {"epochs": 2, "batch_size": 16, "learning_rate": 1e-3},
        "output": {"directory": str(directory)},
    }


@pytest.fixture
def config(tmp_path) -> Config:
    return tiny_config(tmp_path / "run")


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A run on generated rows with validation and test; tests only read it."""
    from mtc_keras import fit

    directory = tmp_path_factory.mktemp("finished") / "run"
    config = tiny_config(directory, training={"epochs": 4, "learning_rate": 1e-2})
    return fit(config, train=rows(160), validation=rows(48, 1), test=rows(40, 2), verbose=0)


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium. Of a module, as no other test could run an event loop beside it."""
    with browsing.started() as browser:
        yield browser


def labelled(count: int, seed: int = 0) -> pd.DataFrame:
    """Returns rows with an ordinal label, too."""
    frame = rows(count, seed)
    frame["grade"] = [str(min(int(length) // 3, 3)) for length in frame["length"]]
    return frame


@pytest.fixture(scope="session")
def all_kinds(tmp_path_factory):
    """A run of all four kinds whose temperatures and thresholds are not the default."""
    from mtc_keras import fit
    from mtc_keras.run.directory import Run

    directory = tmp_path_factory.mktemp("all_kinds") / "run"
    config = tiny_config(
        directory,
        tasks={
            "mood": {"kind": "multiclass", "class_names": {"bad": "mauvaise humeur 😀"}},
            "grade": {"kind": "ordinal", "classes": ["0", "1", "2", "3"]},
        },
        model={
            "backbone": "random",
            "random": {"hidden_dim": 64, "num_layers": 1},
            "max_length": 24,
        },
        training={"epochs": 6, "learning_rate": 1e-2},
    )
    run = fit(config, train=labelled(160), validation=labelled(48, 1), verbose=0)
    decisions = {
        "mood": Decision(temperature=1.7),
        "topics": Decision(
            list(run.model.decisions["topics"].thresholds),
            temperature=0.6,
            thresholds={"bus": 0.3, "fee": 0.62, "queue": 0.8},
        ),
        "grade": Decision(temperature=2.5),
    }
    run.save_decisions(decisions)
    return Run(directory)


def tiny_bert(vocabulary=(*RESERVED, *WORDS), **options):
    """Returns a BERT with random weights, of two layers by default, and its preprocessor."""
    import keras
    import keras_hub

    keras.utils.set_random_seed(0)
    tokenizer = keras_hub.models.BertTokenizer(vocabulary=list(vocabulary), lowercase=True)
    sizes = {
        "num_layers": 2,
        "num_heads": 2,
        "hidden_dim": 8,
        "intermediate_dim": 16,
        "max_sequence_length": 32,
        "dropout": 0.0,
    }
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=len(vocabulary), **{**sizes, **options}
    )
    return backbone, keras_hub.models.BertTextClassifierPreprocessor(tokenizer, sequence_length=16)


@pytest.fixture
def model(tasks):
    from mtc_keras.model.classifier import MultiTaskClassifier

    backbone, preprocessor = tiny_bert(num_layers=1)
    return MultiTaskClassifier(backbone, tasks, preprocessor, dropout=0.0)


@contextlib.contextmanager
def processor_seconds(most: float):
    """Fails if the processes that are run within take more time of a processor.

    Unlike the clock on the wall, it does not count what other tests do beside them.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    yield
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    taken = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    assert taken < most


def answers_alone(code: str, export: Path, batches: list, folder: Path) -> dict:
    """Returns what an export answers a client in a process of its own.

    Args:
        code: Python that takes the paths of export, questions and answers.
        export: the folder of the export.
        batches: lists of texts.
        folder: an empty folder.
    """
    questions, answers = folder / "questions.json", folder / "answers.npz"
    questions.write_text(json.dumps(batches))
    command = [sys.executable, "-I", "-c", code, str(export), str(questions), str(answers)]
    subprocess.run(command, check=True)
    return dict(np.load(answers))
