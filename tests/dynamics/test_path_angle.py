"""The path angle of linear games, in closed form."""

from tfgan_kit.dynamics import GradientField, path_angle

import numpy as np
import pytest

from tests.twins import twins

START, END = np.array([3.0, 0.5]), np.array([0.0, 0.5])
PLACES = np.linspace(-60.0, 62.0, 2441)  # far enough for the limits, fine enough for the peak


def linear_game(a, b):
    """J = [[a, -b], [b, a]]: a attracts to 0, b turns around it."""
    return GradientField(lambda x, y: ([a * x[0] - b * y[0]], [b * x[0] + a * y[0]]), [START[0]], [START[1]])


@pytest.mark.parametrize("a, b", [(1.0, 0.0), (1.0, 1.0), (1.0, 3.0), (0.0, 1.0), (-1.0, 0.5)])
def test_cosines_are_those_of_theory(a, b):
    """w = (s, d): v = (a s - b d, b s + a d), and the path runs along (-1, 0)."""
    found = path_angle(linear_game(a, b), START, END)
    s, d = START[0] * (1 - found.places), START[1]
    norms = np.hypot(a, b) * np.hypot(s, d)
    np.testing.assert_allclose(found.norms, norms, rtol=1e-12)
    np.testing.assert_allclose(found.cosines, -(a * s - b * d) / norms, atol=1e-12)


@pytest.mark.thorough
@twins("a, b", [(1.0, 0.0), (1.0, 1.0), (1.0, 3.0)], quick=2)
def test_bump_measures_rotation(a, b):
    """The cosine ends at -+ a / |(a, b)| and passes 1, where v lies along the path, if b is not 0."""
    found = path_angle(linear_game(a, b), START, END, PLACES)
    assert found.bump == pytest.approx(1.0 - a / np.hypot(a, b), abs=0.01)


def test_a_line_through_the_point_tells_the_share_of_rotation():
    """Without a distance d the cosine jumps from -a / |(a, b)| to it: no bump, and 0 at the point."""
    found = path_angle(linear_game(3.0, 4.0), [1.0, 0.0], [0.0, 0.0], [0.5, 1.0, 1.5])
    np.testing.assert_allclose(found.cosines, [-0.6, 0.0, 0.6], atol=1e-12)
    assert found.bump == 0.0


@pytest.mark.parametrize("start, places", [(END, None), (START, [1.0])])
def test_what_is_no_path_is_refused(start, places):
    with pytest.raises(ValueError, match="at least 2 places. Received: points"):
        path_angle(linear_game(1.0, 1.0), start, END, places)
