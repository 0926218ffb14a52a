"""Integrals of gradients along paths: as exact as asked, and no dearer than need be."""

import numpy as np
import pytest

from mtc_keras.model.path_integrals import (
    MOST_STEPS,
    POINTS,
    TOLERANCE,
    Measured,
    integrate,
    nodes_and_weights,
)

NODES, WEIGHTS = nodes_and_weights()


def measuring(*functions):
    """Returns what measures paths, one per pair of a function and its derivative."""

    def measure(stretches):
        for path, start, end in stretches:
            value, derivative = functions[path]
            points = start + (end - start) * NODES
            integral = (end - start) * (WEIGHTS @ derivative(points))
            yield Measured(value(start), value(end), np.array([integral, 0.0]))

    return measure


def test_the_rule_is_exact_for_polynomials_and_has_the_ends_among_its_points():
    assert (NODES[0], NODES[-1]) == (0.0, 1.0)
    for degree in range(2 * POINTS - 2):
        assert NODES**degree @ WEIGHTS == pytest.approx(1 / (degree + 1), abs=1e-12)


def test_only_a_path_that_needs_them_gets_more_points():
    smooth = (np.sin, np.cos)
    steep = (lambda x: np.tanh(60 * (x - 0.31)), lambda x: 60 / np.cosh(60 * (x - 0.31)) ** 2)
    easy, hard = integrate(measuring(smooth, steep), [0.0, 0.0])
    assert easy.steps == POINTS
    assert easy.parts[0] == pytest.approx(np.sin(1), rel=1e-9)
    assert POINTS < hard.steps < 8 * POINTS
    assert hard.parts[0] == pytest.approx(hard.last - hard.first, rel=TOLERANCE)
    assert (hard.first, hard.last) == (np.tanh(-60 * 0.31), np.tanh(60 * 0.69))
    # Where nothing happens, a stretch stays long.
    assert max(stretch.end - stretch.start for stretch in hard.stretches) >= 0.25


def test_a_gap_that_is_always_small_enough_ends_it_and_so_do_the_most_points():
    noise = (lambda x: 5.0 * (x == 1.0), lambda x: np.zeros_like(x))  # a jump, never closed
    [never] = integrate(measuring(noise), [0.0])
    assert MOST_STEPS <= never.steps < 2 * MOST_STEPS
    [once] = integrate(measuring(noise), [5.0])
    assert once.steps == POINTS
    assert integrate(measuring(), []) == []
