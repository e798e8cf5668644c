"""Films: their paths against closed forms and the authors' formula, their keyframes against `generate`."""

import itertools
import tracemalloc

import tfgan_kit as gk
from tfgan_kit.generation.films import LatentFilm, StyleFilm, closed_spline, great_circle
from tfgan_kit.generation.generative_model import GenerativeModel

import keras
import numpy as np
import pytest
from scipy.interpolate import interp1d

from tests.conftest import IMAGE_SHAPE
from tfgan_kit_client.pictures import tile


def style_model(num_classes=None):
    keras.utils.set_random_seed(0)
    generator = gk.networks.StyleGAN2Generator(
        8, 3, latent_dim=4, w_dim=4, num_classes=num_classes, mapping_layers=1, channel_base=32, channel_max=4
    )
    for k, variable in enumerate(generator.weights):  # as after some training
        if variable.path.endswith(("noise_strength", "w_avg")):
            variable.assign(np.random.default_rng(k).normal(0.0, 0.3, variable.shape))
    return GenerativeModel.of(generator)


@pytest.fixture(scope="module")
def styles():
    return style_model()


@pytest.fixture(scope="module")
def labelled_styles():
    return style_model(num_classes=3)


@pytest.fixture(scope="module")
def biggan():
    keras.utils.set_random_seed(0)
    return GenerativeModel.of(
        gk.networks.BigGANGenerator((8, 8, 1), latent_dim=4, width=2, num_classes=3, shared_dim=3, attention=())
    )


# Paths


def test_a_great_circle_turns_evenly_and_its_length_grows_evenly():
    """From 1 along one axis to 3 along another: at time t the angle is t 90 degrees, the length 1 + 2 t."""
    times = np.linspace(0.0, 1.0, 7)
    found = great_circle(np.array([1.0, 0.0]), np.array([0.0, 3.0]), times)
    angles = times * np.pi / 2
    expected = (1 + 2 * times)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("end, halfway", [((2.0, 0.0), (1.5, 0.0)), ((-1.0, 0.0), (0.0, 0.0))])
def test_along_one_line_a_great_circle_is_straight(end, halfway):
    found = great_circle(np.array([1.0, 0.0]), np.array(end), np.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(found, [(1.0, 0.0), halfway, end], atol=1e-9)


def test_latents_between_two_samples_are_as_long_as_samples():
    """|z|^2 of N(0, I) in 512 dimensions is 512 +- 32; half-way on a straight line it would be 256."""
    a, b = np.random.default_rng(0).normal(size=(2, 512))
    lengths = np.square(great_circle(a, b, np.linspace(0, 1, 9))).sum(axis=1)
    assert (np.abs(lengths - 512) < 4 * 32).all()


def test_a_closed_spline_is_the_authors_interpolation():
    """`gen_video.py` of arXiv:2106.12423: SciPy's cubic spline through the keyframes, repeated twice on both sides."""
    points = np.random.default_rng(0).normal(size=(6, 2, 3))
    theirs = interp1d(np.arange(-12, 18), np.tile(points, (5, 1, 1)), kind="cubic", axis=0)
    times = np.linspace(0, 6, 50)
    # Not a knot at the ends, 12 keyframes away: 0.268^12 = 1.4e-7 of the points.
    np.testing.assert_allclose(closed_spline(points, times), theirs(times), atol=1e-5)


def test_a_closed_spline_has_no_corner_where_it_closes():
    """Its first two derivatives, by differences, agree on both sides of the first keyframe."""
    points, h = np.random.default_rng(1).normal(size=(5, 4)), 1e-3
    after, before = (closed_spline(points, end + way * h * np.arange(4)) for end, way in ((0, 1), (5, -1)))
    np.testing.assert_allclose(before[0], after[0], atol=1e-12)
    np.testing.assert_allclose((after[1] - after[0]) / h, (before[0] - before[1]) / h, atol=0.1)
    seconds = [(side[0] - 2 * side[1] + side[2]) / h**2 for side in (after, before)]
    np.testing.assert_allclose(*seconds, atol=0.1)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_points_make_a_closed_spline_through_them(count):
    points = np.random.default_rng(0).normal(size=(count, 2))
    found = closed_spline(points, np.arange(count + 1))
    np.testing.assert_allclose(found, np.concatenate([points, points[:1]]), atol=1e-12)


@pytest.mark.parametrize("k", [0, 17, 39])
def test_of_many_keyframes_those_around_a_frame_decide(k, styles):
    film = StyleFilm(styles, keyframes=40)
    points, times = np.random.default_rng(0).normal(size=(40, 5)), np.linspace(0, 0.9, 4)
    near = [place % 40 for place in film._near(k)]
    assert len(near) == 32
    np.testing.assert_allclose(film._between(points[near], times), closed_spline(points, k + times), atol=1e-8)


# Frames


def keyframes_of(film):
    return list(itertools.islice(film, 0, None, film.frames_per_keyframe))


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [LatentFilm, StyleFilm])
@pytest.mark.parametrize("truncation_psi", [None, 0.6])
def test_keyframes_of_a_stylegan_are_the_images_of_their_seeds(kind, truncation_psi, styles):
    film = kind(styles, 3, 2, tiles=(2, 1), seed=5, truncation_psi=truncation_psi)
    images = styles.generate(6, seed=5, truncation_psi=truncation_psi)
    expected = [tile(images[k : k + 2]) for k in (0, 2, 4)]
    np.testing.assert_array_equal(keyframes_of(film), expected)


@pytest.mark.thorough
def test_keyframes_of_a_family_that_draws_latents_again_are_truncated(biggan):
    film = LatentFilm(biggan, 2, 2, tiles=(1, 2), seed=1, labels=[2, 0], truncation_psi=0.5)
    images = biggan.generate(4, seed=1, labels=[2, 0, 2, 0], truncation_psi=0.5)
    np.testing.assert_array_equal(keyframes_of(film), [tile(images[:2], 1), tile(images[2:], 1)])


@pytest.mark.thorough
def test_through_latents_a_tile_keeps_the_class_of_its_first_image(biggan):
    film = LatentFilm(biggan, 2, 2, tiles=(2, 1), seed=1)
    labels = biggan.labels_of(gk.image_seeds(1, 2))
    images = biggan.generate(4, seed=1, labels=np.tile(labels, 2))
    np.testing.assert_array_equal(keyframes_of(film), [tile(images[:2]), tile(images[2:])])


@pytest.mark.thorough
@pytest.mark.parametrize("labels", [None, [2, 0, 1]])
def test_through_styles_a_film_goes_from_class_to_class(labels, labelled_styles):
    film = StyleFilm(labelled_styles, 3, 2, seed=1, labels=labels)
    np.testing.assert_array_equal(keyframes_of(film), labelled_styles.generate(3, seed=1, labels=labels))


@pytest.mark.parametrize("tiles", [(1, 1), (3, 2), (9, 8)])
def test_a_film_has_its_number_of_frames_of_columns_and_rows(tiles, reused_gan):
    film = LatentFilm(reused_gan(), keyframes=2, frames_per_keyframe=3, tiles=tiles)
    frames = np.stack(list(film))
    columns, rows = tiles
    height, width, channels = IMAGE_SHAPE
    assert len(film) == 6 and frames.dtype == np.uint8
    assert frames.shape == (6, rows * (height + 2) - 2, columns * (width + 2) - 2, channels)


def test_a_frame_depends_on_the_arguments_alone(reused_gan):
    gan = reused_gan()
    film, again, other = (LatentFilm(gan, 2, 70, seed=seed) for seed in (0, 0, 1))
    first = np.stack(list(film))
    np.testing.assert_array_equal(first, list(film))
    np.testing.assert_array_equal(first, list(again))
    assert (first != np.stack(list(other))).any()


def test_more_keyframes_change_a_film_through_latents_from_its_way_back_on(reused_gan):
    gan = reused_gan()
    short, long = (np.stack(list(LatentFilm(gan, keyframes, 4))) for keyframes in (3, 5))
    np.testing.assert_array_equal(short[:8], long[:8])
    assert (short[9] != long[9]).any()


def test_frames_come_before_the_film_is_whole(reused_gan):
    film = LatentFilm(reused_gan(), keyframes=2**20, frames_per_keyframe=2**20)  # a few thousand years
    assert next(iter(film)).shape == IMAGE_SHAPE


def test_memory_does_not_grow_with_the_keyframes(reused_gan):
    """200 keyframes of a megabyte."""

    class Heavy(LatentFilm):
        def _keyframe(self, k):
            return np.full((1, 2**17), float(k + 1))

        def _images(self, rows):
            return np.zeros((len(rows), *IMAGE_SHAPE), np.uint8)

    film = Heavy(reused_gan(), keyframes=200, frames_per_keyframe=1)
    tracemalloc.start()
    assert sum(1 for _ in film) == 200
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20e6


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(keyframes=0), "keyframes=0"),
        (dict(frames_per_keyframe=0), "frames_per_keyframe=0"),
        (dict(tiles=(0, 1)), "columns=0"),
        (dict(truncation_psi=0.5), "does not define truncation"),
        (dict(truncation_psi=[0.5]), "one `truncation_psi`"),
        (dict(labels=[0]), "unconditional"),
    ],
)
def test_a_film_that_cannot_be_is_refused(arguments, message, make_gan):
    with pytest.raises(ValueError, match=message):
        LatentFilm(make_gan(), **arguments)


def test_labels_that_a_tile_would_not_reach_are_refused(biggan):
    with pytest.raises(ValueError, match="3 labels for 2 tiles"):
        LatentFilm(biggan, tiles=(2, 1), labels=[0, 1, 2])
    with pytest.raises(ValueError, match="0 to 2"):
        LatentFilm(biggan, tiles=(2, 1), labels=[0, 3])


def test_a_film_of_points_or_of_styles_that_there_are_none_of_is_refused(make_gan):
    with pytest.raises(ValueError, match="Only a StyleGAN has styles"):
        StyleFilm(make_gan())
    points = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="generates points"):
        LatentFilm(GenerativeModel(points, 2, None, (2,)))
