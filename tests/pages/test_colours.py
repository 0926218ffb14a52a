"""Colours can be read, on paper and screen, on each other."""

import pytest

from mtc_keras.pages.colours import DARK, LIGHT, SERIES
from mtc_keras.pages.figures.heatmap import DARK as DARK_FROM
from mtc_keras.pages.figures.heatmap import SHADES


def channels(colour):
    return [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]


def luminance(rgb):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def blended(over, under, share):
    return [share * a + (1 - share) * b for a, b in zip(over, under, strict=True)]


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_series_have_contrast(colours):
    for name in {*colours} - {"paper", "raised", "rule"}:
        for ground in ("paper", "raised"):
            assert contrast(channels(colours[name]), channels(colours[ground])) >= 4.5, name


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("shade", ["accent", "warm"])
def test_numbers_can_be_read_on_every_shade_of_a_matrix(colours, shade):
    paper, ink = channels(colours["paper"]), channels(colours["ink"])
    for level, strength in enumerate(SHADES, start=1):
        cell = blended(channels(colours[shade]), paper, strength)
        assert contrast(paper if level > DARK_FROM else ink, cell) >= 4.5, (level, strength)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_the_first_series_differ_for_the_colour_blind(colours):
    # Viénot's simulation of a missing red or green cone, in linear RGB.
    kinds = [
        [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
        [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
    ]
    for kind in kinds:
        seen = [
            [
                sum(w * c**2.2 for w, c in zip(row, channels(colours[name]), strict=True))
                for row in kind
            ]
            for name in SERIES[:3]
        ]
        for index, one in enumerate(seen):
            for other in seen[:index]:
                apart = sum(
                    (max(a, 0) ** 0.45 - max(b, 0) ** 0.45) ** 2
                    for a, b in zip(one, other, strict=True)
                )
                assert apart > 0.03
