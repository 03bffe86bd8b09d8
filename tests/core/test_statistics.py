"""The statistics of a comparison against published values."""

import math

import numpy as np
import pytest
from fanin.comparison import statistics


@pytest.mark.parametrize(
    ("probability", "degrees", "expected"),
    [
        # Tables of Student's t, as in any textbook.
        (0.975, 1, 12.7062047),
        (0.975, 2, 4.3026527),
        (0.975, 3, 3.1824463),
        (0.975, 4, 2.7764451),
        (0.975, 9, 2.2621572),
        (0.975, 30, 2.0422725),
        (0.975, 1000, 1.9623391),
        (0.95, 5, 2.0150484),
        (0.995, 7, 3.4994833),
    ],
)
def test_student_t_quantile(probability, degrees, expected):
    assert statistics.student_t_quantile(probability, degrees) == pytest.approx(expected, rel=1e-7)


def test_interval_of_known_values():
    # Mean 3, standard deviation sqrt(2.5), 4 degrees of freedom.
    interval = statistics.mean_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert interval.mean == 3
    assert interval.half_width == pytest.approx(2.7764451 * math.sqrt(2.5 / 5), rel=1e-7)
    assert interval.excludes_zero()


def test_one_value_has_no_interval():
    interval = statistics.mean_interval([0.5])
    assert math.isnan(interval.half_width)
    assert not interval.excludes_zero()
    assert str(interval) == "0.5000"


def test_interval_covers_as_often_as_it_says():
    draws = np.random.default_rng(1).normal(size=(4000, 3))
    intervals = [statistics.mean_interval(row) for row in draws.tolist()]
    covered = np.mean([not interval.excludes_zero() for interval in intervals])
    assert covered == pytest.approx(0.95, abs=0.015)  # over 4 standard errors


def test_binomial_tail_of_known_values():
    assert statistics.binomial_tail(9, 10, 0.5) == pytest.approx(11 / 1024, rel=1e-12)
    assert statistics.binomial_tail(2, 3, 0.1) == pytest.approx(3 * 0.01 * 0.9 + 0.001, rel=1e-12)
    assert statistics.binomial_tail(0, 10, 0.3) == 1
    assert statistics.binomial_tail(10, 10, 1.0) == 1
    assert statistics.binomial_tail(11, 10, 0.3) == 0
    assert statistics.binomial_tail(1, 10, 0.0) == 0


@pytest.mark.parametrize("rows", [600, 10_000])
def test_chance_bound_is_where_its_definition_puts_it(rows):
    expected = rows * 0.1 + 3.09 * math.sqrt(rows * 0.09)  # 3.09 standard deviations above
    bound = next(
        k for k in range(round(expected) - 9, rows) if statistics.beats_chance(k / rows, rows, 0.1)
    )
    assert statistics.binomial_tail(bound, rows, 0.1) < 0.001
    assert statistics.binomial_tail(bound - 1, rows, 0.1) >= 0.001
    assert bound == pytest.approx(expected, abs=4)
