"""Traced programs are kept: found again, told apart, and never half written."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtc_keras.devices import process, traced
from mtc_keras.devices.executables import Executable

X = np.arange(6, dtype="float32")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(process, "keeps_programs", lambda: True)
    return traced.directory()


class Function:
    """A function that counts how often it is traced."""

    def __init__(self, factor=2.0):
        self.factor, self.times = factor, 0

    def __call__(self, state, x):
        self.times += 1
        return [jnp.tanh(values * x["a"] * self.factor) for values in state]


def call(function, x=X, signature="a model", **options):
    executable = Executable(function, "step", signature=lambda: signature, **options)
    return np.asarray(executable([jnp.asarray(x) / 7], {"a": x})[0])


@pytest.mark.parametrize("options", [{}, {"donate": (0,)}, {"on_one_core": True}])
def test_what_was_traced_is_not_traced_again(folder, options):
    first, second, plain = Function(), Function(), Function()
    found = call(first, **options)
    assert [first.times, len(list(folder.iterdir()))] == [1, 1]
    np.testing.assert_array_equal(call(second, **options), found)
    assert second.times == 0
    np.testing.assert_array_equal(call(plain, signature=None), found)


def test_what_was_prepared_is_kept():
    executable = Executable(Function(), "step", signature=lambda: "a model")
    executable.prepare([jnp.asarray(X)], {"a": X}).result()
    assert call(later := Function()).shape == X.shape
    assert later.times == 0


def test_another_signature_shape_or_setting_is_another_program(folder):
    call(Function())
    others = [
        lambda function: call(function, signature="another"),
        lambda function: call(function, X[:4]),
        lambda function: call(function, X.astype("int32")),
    ]
    for number, other in enumerate(others):
        other(function := Function(3.0))
        assert function.times == 1
        assert len(list(folder.iterdir())) == number + 2
    with jax.default_matmul_precision("highest"):
        call(function := Function())
    assert function.times == 1


@pytest.mark.parametrize("content", [b"", b"no program", None, "half"])
def test_a_damaged_file_is_written_anew(folder, content):
    found = call(Function())
    [file] = folder.iterdir()
    whole = file.read_bytes()
    damaged = {"half": whole[: len(whole) // 2], None: whole[:-1] + b"?"}.get(content, content)
    file.write_bytes(damaged)
    np.testing.assert_array_equal(call(function := Function()), found)
    assert function.times == 1
    call(function := Function())
    assert function.times == 0


def test_what_cannot_be_kept_is_computed_all_the_same(folder):
    def asks(state, x):
        shape = jax.ShapeDtypeStruct(X.shape, X.dtype)
        return [jax.pure_callback(lambda values: np.asarray(values) + 1, shape, x["a"])]

    np.testing.assert_array_equal(call(asks), X + 1)
    assert not folder.exists()


def test_an_error_of_the_function_is_its_own():
    def wrong(state, x):
        raise ValueError("no such layer")

    with pytest.raises(ValueError, match="no such layer"):
        call(wrong)


def test_a_folder_that_cannot_be_written_costs_nothing(folder):
    folder.parent.parent.mkdir(exist_ok=True)
    folder.parent.write_text("a file in its place")
    assert call(Function()).shape == X.shape


def test_programs_used_longest_ago_are_removed(folder, monkeypatch):
    call(Function())
    [first] = folder.iterdir()
    size = first.stat().st_size
    monkeypatch.setattr(traced, "MOST_KEPT_BYTES", int(2.5 * size))
    os.utime(first, (1, 1))
    call(Function(), X[:5])
    [second] = set(folder.iterdir()) - {first}
    os.utime(second, (2, 2))
    call(again := Function())  # is used, and so is the newest
    assert again.times == 0
    call(Function(), X[:4])
    assert first.exists()
    assert not second.exists()
    assert len(list(folder.iterdir())) == 2


def test_a_signature_is_asked_for_when_the_function_is_traced():
    said = ["before"]
    executable = Executable(Function(), "step", signature=lambda: said[-1])
    executable([jnp.asarray(X)], {"a": X})
    said.append("after")  # something has changed that the program of another shape depends on
    executable([jnp.asarray(X[:3])], {"a": X[:3]})
    call(function := Function(), X[:3], signature="after")
    assert function.times == 0
    call(function := Function(), X[:3], signature="before")
    assert function.times == 1


def test_nothing_is_kept_where_jax_keeps_nothing(folder, monkeypatch):
    monkeypatch.setattr(process, "keeps_programs", lambda: False)
    call(Function())
    assert not folder.exists()
