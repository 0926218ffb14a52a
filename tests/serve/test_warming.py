"""A run that is warm compiles nothing more, whatever it is asked."""

import numpy as np

from mtc_keras.predict.predictors import open_predictor
from mtc_keras.serve.workers.warming import warm
from tests.serve.engines import RUN


def test_after_warming_no_text_waits_for_a_program():
    predictor = open_predictor(RUN)
    predictor.load()
    warm(predictor, 16)
    model = predictor._model
    forward = model.compiled_forward.of(model)
    programs = [forward._on_all_cores._compiled, forward._on_one_core._compiled]
    compiled = [program._cache_size() for program in programs]
    assert sum(compiled) >= 8
    random = np.random.default_rng(0)
    for rows in (*range(1, 20), 31, 32, 33, 64, 100, 300):
        for longest in (1, 5, 30):
            words = random.integers(0, longest + 1, rows)
            predictor.predict(([" ".join(["good"] * count) for count in words],))
    assert [program._cache_size() for program in programs] == compiled
