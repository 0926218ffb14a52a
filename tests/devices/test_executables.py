"""Functions compiled in the background: the same numbers, no second compilation, no hanging."""

import subprocess
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtc_keras.devices import hardware
from mtc_keras.devices.executables import Executable


def double(state, x):
    return [values * x["a"] for values in state], x["a"].sum()


@pytest.fixture
def compiled():
    """The names of the threads that compiled something."""
    names = []

    def listen(event, seconds, **kwargs):
        if event.endswith("backend_compile_duration"):
            names.append(threading.current_thread().name)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield names
    jax.monitoring.unregister_event_duration_listener(listen)


def arguments(size):
    return [jnp.ones(size), jnp.arange(size, dtype="float32")], {"a": np.full(size, 2, "float32")}


@pytest.mark.parametrize("options", [{}, {"donate": (0,)}, {"on_one_core": True}])
def test_what_was_prepared_is_not_compiled_again(compiled, options):
    executable = Executable(double, "double", **options)
    first, second = arguments(3), arguments(4)
    compiled.clear()  # what made the arguments
    likeness = jax.tree.map(lambda v: jax.ShapeDtypeStruct(v.shape, v.dtype), second)
    done = [executable.prepare(*first), executable.prepare(*likeness)]
    assert [future.result() for future in done] == [None, None]
    assert [set(compiled), len(compiled)] == [{"compile"}, 2]
    for state, x in (first, second):
        (ones, numbers), total = jax.tree.map(np.asarray, executable(state, x))
        np.testing.assert_array_equal(numbers, 2 * np.arange(len(numbers)))
        assert (ones == 2).all() and total == 2 * len(ones)
    assert len(compiled) == 2


def test_a_call_waits_for_the_shape_that_is_being_prepared(compiled):
    begun, may_go = threading.Event(), threading.Event()

    def slow(x):
        begun.set()
        assert may_go.wait(20)
        return x + 1

    executable, x = Executable(slow, "slow"), np.zeros(5)
    executable.prepare(x)
    assert begun.wait(20)
    threading.Timer(0.2, may_go.set).start()
    compiled.clear()
    np.testing.assert_array_equal(executable(x), np.ones(5))
    assert compiled == ["compile"]


def test_an_error_surfaces_at_the_call_that_needs_the_shape():
    def odd(x):
        if x.shape[0] % 2:
            raise ValueError("an odd number of rows")
        return x + 1

    executable = Executable(odd, "odd")
    futures = [executable.prepare(np.zeros(size)) for size in (3, 4)]
    assert isinstance(futures[0].exception(), ValueError)
    np.testing.assert_array_equal(executable(np.zeros(4)), np.ones(4))
    for _ in range(2):
        with pytest.raises(ValueError, match="odd number of rows"):
            executable(np.zeros(3))


def test_what_is_prepared_is_traced_with_the_settings_of_its_caller(compiled):
    def bits(key):
        return jax.random.bits(key, (8,))

    key, found = jax.random.key_data(jax.random.key(0)), {}
    for partitionable in (True, False):
        executable = Executable(lambda key: bits(jax.random.wrap_key_data(key)), "bits")
        with jax.threefry_partitionable(partitionable):
            expected = bits(jax.random.key(0))
            executable.prepare(key).result()
            compiled.clear()
            found[partitionable] = executable(key)
            assert compiled == []
            np.testing.assert_array_equal(found[partitionable], expected)
    assert not np.array_equal(found[True], found[False])


@pytest.mark.parametrize("ending", ["pass", "raise SystemExit(7)", "raise KeyboardInterrupt"])
def test_a_process_that_ends_waits_for_one_compilation_and_not_for_all(ending):
    code = f"""
import time, numpy as np
from mtc_keras.devices.executables import Executable
def slow(x):
    print("traced", flush=True)
    time.sleep(1)
    return x + 1
executable = Executable(slow, "slow")
for size in range(100):
    executable.prepare(np.zeros(size))
time.sleep(0.5)
{ending}
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert 1 <= done.stdout.count("traced") <= 4
    assert done.returncode == {"pass": 0, "raise SystemExit(7)": 7}.get(ending, -2)
    assert "Fatal" not in done.stderr


def test_what_is_awaited_is_compiled_and_calls_ask_no_more(compiled):
    executable = Executable(double, "double")
    for size in (3, 4, 5):
        executable.prepare(*arguments(size))
    assert executable.await_prepared(60)
    ready = [arguments(size) for size in (3, 4, 5)]
    compiled.clear()
    for given in ready:
        executable(*given)
    assert not compiled and not executable._preparing


def test_there_may_be_no_time_for_what_is_awaited():
    begun, may_go = threading.Event(), threading.Event()

    def slow(x):
        begun.set()
        assert may_go.wait(20)
        return x + 1

    executable = Executable(slow, "slow")
    sizes = range(2 * hardware.cores() + 2)
    for size in sizes:
        executable.prepare(np.zeros(size))
    assert begun.wait(20)
    threading.Timer(0.2, may_go.set).start()
    assert not executable.await_prepared(0)  # those that are left out have not begun
    assert executable(np.zeros(sizes[-1])).shape == (sizes[-1],)


def test_what_is_awaited_raises_what_the_function_raises():
    def broken(x):
        raise ValueError("broken")

    executable = Executable(broken, "broken")
    executable.prepare(np.zeros(3))
    with pytest.raises(ValueError, match="broken"):
        executable.await_prepared(60)
