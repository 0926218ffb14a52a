"""Where seconds and memory of one training go: imports, building, compiling, passes, saving.

    python -m benchmarks.timeline --config run.toml

trains as `mtc-keras train --overwrite` does, in this process, and prints one line per stage in
the order in which they begin: a stage that is within another begins later and is part of it. What
JAX says of its own work counts for the stage in which it is done; what threads in the background
do at the same time counts, too. Memory is what is in use at a stage's end (on Linux, libraries
aside), what the process holds then, and the most that it has held until then.
"""

import argparse
import functools
import importlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from benchmarks.costs import allocated, resident, resident_peak
from mtc_keras.config import load_config

BEGUN = time.perf_counter()
# What the training program calls, by the module in which it looks it up.
STAGES = {
    "mtc_keras.data.reading": ["read_splits"],
    "mtc_keras.train.steps": [
        "resolve_loss_weights",
        "build_model",
        "prepare_data",
        "make_batches",
        "compile_model",
        "train_model",
        "validation_logits",
        "decide",
        "judge",
        "report",
    ],
}
EVENTS = {
    "/jax/core/compile/jaxpr_trace_duration": "tracing",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lowering",
    "/jax/core/compile/backend_compile_duration": "compiling",
    "/jax/compilation_cache/cache_retrieval_time_sec": "of it reading",
}
COMPILED = "compiling"


@dataclass
class Stage:
    """One stage of a training.

    Args:
        name: str. What is done.
        begins: float. Seconds after this program began.
        seconds: float. How long it takes.
        jax: seconds of JAX's own work in it, by kind.
        programs: int. How many programs were compiled, or read from JAX's cache.
        allocated: int. Bytes of memory that are in use at its end, libraries aside.
        held: int. Bytes that the process holds then.
        peak: int. The most that it has held until then.
    """

    name: str
    begins: float
    seconds: float = 0.0
    jax: Counter[str] = field(default_factory=Counter)
    programs: int = 0
    allocated: int = 0
    held: int = 0
    peak: int = 0


class Timeline:
    """The stages of one training, from the moment it is made."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self.open: list[Stage] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times what is done within."""
        begun = time.perf_counter()
        stage = Stage(name, begun - BEGUN)
        self.stages.append(stage)
        self.open.append(stage)
        try:
            yield
        finally:
            self.open.remove(stage)
            stage.seconds = time.perf_counter() - begun
            stage.allocated = allocated()
            stage.held, stage.peak = resident(), resident_peak()

    def staged(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """Returns a function that is a stage whenever it is called."""

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.stage(name):
                return function(*args, **kwargs)

        return timed

    def count(self, event: str, seconds: float, **_: Any) -> None:
        """Takes what JAX says of its own work."""
        if event in EVENTS:
            for stage in self.open:
                stage.jax[EVENTS[event]] += seconds
                stage.programs += EVENTS[event] == COMPILED

    def lines(self) -> Iterator[str]:
        """Yields a table in Markdown."""
        kinds = list(EVENTS.values())
        heads = ["stage", "begins, s", "seconds", *kinds, "programs", "MB in use", "held", "most"]
        yield "| " + " | ".join(heads) + " |"
        yield "|" + "---|" * len(heads)
        for stage in self.stages:
            numbers = [stage.begins, stage.seconds, *(stage.jax[kind] for kind in kinds)]
            cells = [stage.name, *(f"{number:.2f}" for number in numbers), str(stage.programs)]
            cells += [f"{size / 1e6:,.0f}" for size in (stage.allocated, stage.held, stage.peak)]
            yield "| " + " | ".join(cells) + " |"


def main(argv: Sequence[str] | None = None) -> None:
    """Trains by a config and prints the timeline."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.timeline", description=__doc__)
    parser.add_argument("--config", required=True, help="TOML file; its output is replaced")
    args = parser.parse_args(argv)
    print("\n".join(timeline(args.config).lines()))


def timeline(config: str) -> Timeline:
    """Returns the stages of a training by a config, whose run is replaced."""
    from mtc_keras.devices.startup import owned_process, start

    found = Timeline()
    with owned_process():
        with found.stage("imports of Keras, JAX and KerasHub"):
            start()
        with found.stage("imports of the training"):
            modules = [importlib.import_module(name) for name in STAGES]
        import jax

        from mtc_keras.train.fitting import fit

        jax.monitoring.register_event_duration_secs_listener(found.count)
        try:
            with ExitStack() as stack:
                for module, names in zip(modules, STAGES.values(), strict=True):
                    for name in names:
                        timed = found.staged(getattr(module, name), name)
                        stack.enter_context(mock.patch.object(module, name, timed))
                with found.stage("train"):
                    fit(load_config(config), overwrite=True, verbose=0)
        finally:
            jax.monitoring.unregister_event_duration_listener(found.count)
    return found


if __name__ == "__main__":
    main()
