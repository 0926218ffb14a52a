"""Whatever a config holds: it is read, or refused with a message that names the key; in no time."""

import contextlib
import copy
import io
import time
import tomllib

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.config import Config, check_config, load_config
from mtc_keras.errors import UNSEEN, ConfigError, legible
from mtc_keras.train import program as train
from tests.fuzzing import tries

MOST_SECONDS = 5.0  # each takes milliseconds; a machine may be busy
VALID = {
    "seed": 1,
    "data": {
        "train": ["a.csv", "b.csv"],
        "validation": 0.1,
        "test": "c.csv",
        "text": ["one", "two"],
        "id": "id",
        "weight": "weight",
        "rename": {"old": "new"},
        "limit": 10,
    },
    "tasks": {
        "mood": {"kind": "multiclass", "classes": ["a", "b"], "class_names": {"a": "A"}},
        "topics": {"kind": "multilabel", "loss_weight": 2.0, "column": "labels[0:3]"},
        "stars": {"kind": "ordinal", "num_classes": 5, "hidden": [4]},
        "length": {"kind": "regression", "loss": "huber", "delta": 0.5},
    },
    "model": {"backbone": "random", "max_length": 16, "random": {"hidden_dim": 8}},
    "training": {
        "epochs": 1,
        "monitor": {"mood_accuracy": 1.0},
        "floor": {"score": 0.1},
        "freeze": "none",
        "ema_momentum": 0.9,
        "label_smoothing": 0.1,
    },
    "balancing": {"method": "dwa", "temperature": 2.0},
    "decisions": {"thresholds": 0.5, "calibration": "none"},
    "distribution": {"data_parallel": 1, "processes": 1, "process_id": 0},
    "output": {"directory": "/dev/null/x"},  # nothing is ever written
}


def paths(values, path=()):
    for key, value in values.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from paths(value, (*path, key))


# Of all characters, those that UTF-8 cannot hold, too.
TEXTS = st.text(st.characters(exclude_categories=()), max_size=12) | st.sampled_from(
    ["", " ", "a\0b", "\x1b[31m", "\u202e", "a[0:3000000000]", "a" * 5000, "1_000", "nan", "[", "~"]
)
NUMBERS = st.integers() | st.floats() | st.sampled_from([0, -1, 2**31, 2**63, 10**30, -(10**30)])
DATES = st.datetimes() | st.dates() | st.times()
PLAIN = TEXTS | NUMBERS | st.booleans() | DATES
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
PATHS = st.sampled_from(sorted(paths(VALID)))
KEYS = TEXTS | st.sampled_from(sorted({key for path in paths(VALID) for key in path}))


@st.composite
def change(draw):
    """Returns the path of one key, which may be new in its table, and its value."""
    path = draw(PATHS)
    if draw(st.booleans()):
        path = (*path[:-1], draw(KEYS))
    return path, draw(VALUES)


def encodable(value):
    """Returns what TOML can hold of a value."""
    if isinstance(value, dict):
        return {encodable(key): encodable(item) for key, item in value.items()}
    if isinstance(value, list):
        return list(map(encodable, value))
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def put(values, path, value) -> None:
    for key in path[:-1]:
        values = values.setdefault(key, {})
        if not isinstance(values, dict):  # an earlier change has put something else there
            return
    values[path[-1]] = value


def outcome(function, *arguments) -> Config | ConfigError:
    """Returns the config, or the error; anything else fails, and whatever takes long."""
    started = time.process_time()  # another process may keep this one waiting
    try:
        found = function(*arguments)
    except ConfigError as error:
        found = error
        assert error.headline and not UNSEEN.search(str(error).replace("\n", ""))
        assert len(str(error)) < 20_000
    assert time.process_time() - started < MOST_SECONDS
    return found


@tries(150)
@given(change())
def test_fuzz_one_changed_key_is_named_if_it_is_refused(changed):
    path, value = changed
    values = copy.deepcopy(VALID)
    put(values, path, value)
    found = outcome(check_config, values)
    if isinstance(found, ConfigError):
        named = [name for key in path for name in (legible(key), repr(key))]
        assert any(key in problem for key in named for problem in found.problems), str(found)


@tries(100)
@given(st.lists(change(), min_size=2, max_size=6))
def test_fuzz_any_tables_are_read_or_refused(changes):
    values = copy.deepcopy(VALID)
    for path, value in changes:
        put(values, path, value)
    found = outcome(check_config, values)
    if isinstance(found, Config):
        assert check_config(tomllib.loads(found.to_toml())) == found


@st.composite
def broken_toml(draw) -> bytes:
    """Returns the bytes of a config with one or two things done to them that editors may do."""
    values = copy.deepcopy(VALID)
    for path, value in draw(st.lists(change(), max_size=2)):
        put(values, path, value)
    text = tomli_w.dumps(encodable(values)).encode()
    for _ in range(draw(st.integers(0, 2))):
        text = draw(st.sampled_from(EDITS))(draw, text)
    return text


def cut(draw, text):
    return text[: draw(st.integers(0, len(text)))]


def inserted(draw, text):
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.binary(max_size=4) | st.sampled_from(MISPLACED)) + text[at:]


MISPLACED = [b"\0", b"\xff\xfe", b'"""', b"[[tasks]]", b"\n[data]\n", b"[" * 5000, b"9" * 5000]
MISPLACED += [b"a" + b".a" * 5000 + b" = 1\n", b"x = " + b"[" * 400 + b"]" * 400 + b"\n"]
EDITS = [
    cut,
    inserted,
    lambda draw, text: b"\xef\xbb\xbf" + text,
    lambda draw, text: text.replace(b"\n", b"\r\n"),
    lambda draw, text: text.replace(b"\n", b"\r"),
    lambda draw, text: text + text,
    lambda draw, text: text.decode("utf-8", "replace").encode("utf-16"),
    lambda draw, text: text.replace(b"[tasks.", b"[[tasks.").replace(b"]\n", b"]]\n"),
]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("configs") / "c.toml"


@tries(100)
@given(broken_toml())
def test_fuzz_any_file_is_read_or_refused(file, content):
    file.write_bytes(content)
    found = outcome(load_config, file)
    if isinstance(found, ConfigError):
        assert "c.toml" in found.headline


def assignment(draw_path, text):
    return ".".join(draw_path) + "=" + text


OVERRIDES = st.builds(
    assignment,
    PATHS | st.lists(KEYS, max_size=4),
    TEXTS | VALUES.map(lambda value: tomli_w.dumps({"v": encodable(value)}).partition("=")[2]),
)


@tries(100)
@given(st.lists(OVERRIDES | st.text(max_size=20), min_size=1, max_size=3))
def test_fuzz_any_override_is_read_or_refused(file, overrides):
    file.write_bytes(tomli_w.dumps(VALID).encode())
    outcome(load_config, file, overrides)


@tries(40)
@given(broken_toml(), st.lists(OVERRIDES, max_size=2))
def test_fuzz_the_program_ends_with_2_and_one_message(file, content, overrides):
    file.write_bytes(content)
    options = [f"--set={override}" for override in overrides]
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        # A config that is right is refused, too: nothing can be written below a device.
        assert train.main(["--config", str(file), *options]) == 2
    assert error.getvalue().startswith("error: ")
    assert "Traceback" not in error.getvalue()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"seed = " + b"9" * 5000, "is not valid TOML"),
        (b"seed = 0x" + b"f" * 5000, "seed: Input should be less than 2147483648"),
        (b"x = " + b"[" * 5000 + b"]" * 5000, "nested too deeply"),
        (b"training.epochs" + b".a" * 5000 + b" = 1", "training.epochs: Input should be"),
        (b"\xef\xbb\xbf" + tomli_w.dumps(VALID).encode(), None),
        (tomli_w.dumps(VALID).replace("\n", "\r\n").encode(), None),
        (b"", "tasks: is required"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_what_the_fuzzer_found(file, content, problem):
    file.write_bytes(content)
    found = outcome(load_config, file)
    assert (problem is None) == isinstance(found, Config)
    if problem is not None:
        assert problem in str(found)
