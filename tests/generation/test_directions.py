"""Directions: how they move, their files, and whether the finders find what is known to be there."""

import tfgan_kit as gk
from tfgan_kit.generation.direction_finders import classes_of, ganspace, label_direction, sefa, style_affines
from tfgan_kit.generation.directions import Directions, fingerprint_of
from tfgan_kit.generation.generative_model import GenerativeModel
from tfgan_kit.generation.seeds import latents_from_seeds

import keras
import numpy as np
import pytest

from tests.generation.tiny_styles import TinyStyles

WIDTH, SIDE = 4, 8


def styles(matrix=None, kernels=None, **arguments):
    random = np.random.default_rng(3)
    matrix = np.eye(WIDTH) if matrix is None else matrix
    if kernels is None:
        kernels = 0.1 * random.standard_normal((3, np.shape(matrix)[1], SIDE * SIDE))
    return TinyStyles(matrix, kernels, SIDE, **arguments)


def model_of(generator):
    return GenerativeModel(generator, generator.latent_dim, None, (SIDE, SIDE, 1))


# Directions


def test_w_moves_by_strength_times_vector_on_its_layers():
    directions = Directions([[1.0, 0.0], [0.0, 2.0]], layers=[[0, 1], [1, 3]])
    moved = directions.moved(np.zeros((2, 3, 2)), [[3.0, 0.5], [0.0, -1.0]]).numpy()
    np.testing.assert_array_equal(moved[0], [[3, 0], [0, 1], [0, 1]])
    np.testing.assert_array_equal(moved[1], [[0, 0], [0, -2], [0, -2]])


def test_fewer_strengths_move_along_the_first_directions():
    directions = Directions(np.eye(3), "z")
    np.testing.assert_array_equal(directions.moved(np.ones((1, 3)), [[2.0]]), [[3, 1, 1]])


def test_a_file_holds_the_directions(tmp_path):
    directions = Directions(np.eye(2, 5), "w", ["a", "b"], [[0, 2], [1, 4]], "0123")
    directions.save(tmp_path / "d.npz")
    found = Directions.load(tmp_path / "d.npz")
    np.testing.assert_array_equal(found.vectors, directions.vectors)
    np.testing.assert_array_equal(found.layers, directions.layers)
    assert (found.space, found.names, found.fingerprint) == ("w", ["a", "b"], "0123")
    assert [path.name for path in tmp_path.iterdir()] == ["d.npz"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(vectors=[1.0, 2.0]), r"\(K, D\)"),
        (dict(vectors=[[np.nan, 2.0]]), "1 of them not finite"),
        (dict(vectors=[[1.0]], space="s"), 'is "w" or "z"'),
        (dict(vectors=[[1.0]], names=["a", "b"]), "one a direction"),
        (dict(vectors=[[1.0]], layers=[[2, 2]]), "first < last"),
        (dict(vectors=[[1.0]], space="z", layers=[[0, 1]]), "directions in w"),
    ],
)
def test_what_is_no_direction_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Directions(**arguments)


@pytest.mark.parametrize("content", [b"", b"no file of arrays", None])
def test_a_file_of_something_else_is_one_sentence(content, tmp_path):
    path = tmp_path / "d.npz"
    if content is None:
        np.savez(path, vectors=np.array([{"a": 1}], object), space="w", names=["a"], fingerprint="")
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="holds no directions.*Received: directions="):
        Directions.load(path)
    with pytest.raises(ValueError, match="holds no directions"):
        Directions.load(tmp_path / "missing.npz")


def test_directions_of_other_weights_are_refused():
    generator, other = styles(), styles(noise_strength=1.0)
    directions = sefa(generator, count=1)
    directions.check(generator)
    with pytest.raises(ValueError, match="other weights"):
        directions.check(other)


@pytest.mark.parametrize(
    "directions, message",
    [
        (Directions(np.eye(5)), "w of width 5"),
        (Directions(np.eye(5), "z"), "z of width 5"),
        (Directions(np.eye(4), layers=[[0, 4]] * 4), "up to 4"),
    ],
)
def test_directions_of_other_shapes_are_refused(directions, message):
    with pytest.raises(ValueError, match=message):
        directions.check(styles())


def test_directions_in_w_are_refused_by_a_generator_without_it(make_gan):
    with pytest.raises(ValueError, match="has none"):
        make_gan().edit(Directions(np.eye(3)), [1.0], 1)


@pytest.mark.parametrize("strengths", [[], [1.0] * 5, [np.inf], [np.nan], [[1.0]] * 3, 1.0, ["a"]])
def test_strengths_that_do_not_fit_are_refused(strengths):
    with pytest.raises(ValueError, match="`strengths` are"):
        model_of(styles()).edit(Directions(np.eye(4)), strengths, num_images=2)


# The images


def test_no_strength_is_the_generated_image_itself(make_gan):
    gan = make_gan(conditional=True)
    np.testing.assert_array_equal(gan.edit(Directions(np.eye(3), "z"), [0.0], 5), gan.generate(5))
    model = model_of(styles())
    np.testing.assert_array_equal(model.edit(Directions(np.eye(4)), [0.0], 5), model.generate(5))


@pytest.mark.parametrize("space", ["w", "z"])
def test_an_edited_image_is_the_image_of_the_moved_code(space):
    """The mapping is M, so a step of v in the latents is one of v M in w; noise is zero."""
    generator = styles(matrix=np.diag([1.0, 2.0, 3.0, 4.0]))
    model = model_of(generator)
    moved = model.edit(Directions([[0.0, 1.0, 0.0, 0.0]], space), [0.5], num_images=3).astype(int)
    kernel = sum(np.asarray(kernel) for kernel in generator.synthesis.kernels)
    step = 0.5 * (1.0 if space == "w" else 2.0) * kernel[1].reshape(SIDE, SIDE, 1) * 127.5
    inside = (moved > 0) & (moved < 255)
    plain = model.generate(3).astype(int)
    inside &= (plain > 0) & (plain < 255)
    assert inside.mean() > 0.5
    np.testing.assert_allclose((moved - plain)[inside], np.broadcast_to(step, moved.shape)[inside], atol=1.01)


def test_rows_are_edited_by_their_own_strengths():
    model = model_of(styles())
    directions, strengths = Directions(np.eye(4)), np.array([[1.0, 0.0], [0.0, 2.0], [-1.0, 1.0]])
    each = model.edit(directions, strengths, 3, seed=4)
    for k in range(3):
        alone = model.edit(directions, strengths[k], seeds=gk.image_seeds(4, 3)[k : k + 1])
        np.testing.assert_array_equal(each[k], alone[0])


def test_truncation_comes_before_the_step():
    """psi 0 is w_avg = 0, so that all images are those of the vector alone."""
    generator = styles()
    images = model_of(generator).edit(Directions([[1.0, 0, 0, 0]]), [1.0], num_images=2, truncation_psi=0.0)
    expected = sum(np.asarray(kernel)[0] for kernel in generator.synthesis.kernels).reshape(SIDE, SIDE, 1)
    np.testing.assert_array_equal(images[0], gk.pixels.to_uint8(expected))
    np.testing.assert_array_equal(images[0], images[1])


# SeFa


def test_sefa_finds_the_coordinate_that_the_styles_depend_on():
    """Most styles depend on coordinate 2 alone, one on coordinate 0: each row has length 1, so that numbers decide."""
    kernel = np.zeros((WIDTH, SIDE * SIDE))
    kernel[2, :50] = 0.01
    kernel[0, 50] = 100.0
    found = sefa(styles(kernels=[kernel]), count=2)
    np.testing.assert_allclose(found.vectors, np.eye(WIDTH)[[2, 0]], atol=1e-6)
    assert found.space == "w" and found.layers is None


def test_sefa_of_some_layers_sees_and_moves_these_alone():
    kernels = np.zeros((3, WIDTH, SIDE * SIDE))
    for k in range(3):
        kernels[k, k] = 1.0
    found = sefa(styles(kernels=kernels), count=1, layers=(1, 2))
    np.testing.assert_allclose(found.vectors, np.eye(WIDTH)[[1]], atol=1e-6)
    np.testing.assert_array_equal(found.layers, [[1, 2]])


def linear(kernel, *before):
    return keras.Sequential(
        [
            keras.Input((len(kernel),)),
            *before,
            dense := keras.layers.Dense(kernel.shape[1]),
            keras.layers.Reshape((4, 4, 1)),
            keras.layers.Conv2D(1, 3, padding="same", activation="tanh"),
        ]
    ), dense.set_weights([kernel, np.ones(kernel.shape[1])])


def test_sefa_of_latents_is_the_decomposition_of_the_first_linear_layer():
    kernel = np.random.default_rng(0).standard_normal((3, 16)).astype(np.float32)
    generator, _ = linear(kernel)
    found = sefa(generator, count=3)
    u, _, _ = np.linalg.svd(kernel)  # (Z, features): its left vectors are of the latents
    np.testing.assert_allclose(np.abs(np.sum(found.vectors * u.T, axis=1)), 1.0, atol=1e-5)
    assert found.space == "z"


FAMILIES = {
    "dcgan": lambda: gk.networks.DCGANGenerator(8, 1, latent_dim=5, width=2, num_classes=3),
    "biggan": lambda: gk.networks.BigGANGenerator(
        (8, 8, 1), 4, width=[8, 8], num_classes=3, shared_dim=3, attention=[]
    ),
    "stylegan2": lambda: gk.networks.StyleGAN2Generator(8, 1, latent_dim=5, w_dim=6, channel_base=32, mapping_layers=1),
    "stylegan3": lambda: gk.networks.StyleGAN3Generator(
        16, 1, latent_dim=5, w_dim=6, mapping_layers=1, channel_base=64, channel_max=8, num_layers=4, margin_size=2
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_sefa_is_found_in_our_families(family):
    """Each is an eigenvector: what the layer makes of it is orthogonal to what it makes of the others."""
    generator = FAMILIES[family]()
    found = sefa(generator, count=2)
    assert found.vectors.shape == (2, 6 if "style" in family else generator.latent_dim)
    np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(2), atol=1e-5)
    found.check(generator)


@pytest.mark.thorough
def test_a_real_stylegan_is_edited_in_w():
    generator = FAMILIES["stylegan2"]()
    model = GenerativeModel(generator, 5, None, (8, 8, 1))
    found = sefa(generator, count=1, layers=(1, 3))
    images = model.edit(found, [[0.0], [2.0]], seeds=[7, 7], truncation_psi=0.5)
    np.testing.assert_array_equal(images[0], model.generate(seeds=[7], truncation_psi=0.5)[0])
    ws = model.latents_to_w(latents_from_seeds(np.array([7]), 5), truncation_psi=0.5)
    ws[:, 1:3] += 2.0 * found.vectors[0]
    noise = generator.noise_seeds_of(latents_from_seeds(np.array([7]), 5))
    expected = gk.pixels.to_uint8(generator.synthesis(ws, noise_mode="const", noise_seeds=noise))
    np.testing.assert_allclose(images[1].astype(int), expected[0], atol=1)


def test_sefa_without_a_linear_layer_is_refused():
    generator, _ = linear(np.ones((3, 16), np.float32), keras.layers.PReLU(alpha_initializer="ones"))
    generator.layers[0].set_weights([np.full(3, -1.0)])  # |x|
    latents = keras.Input((3,))
    with pytest.raises(ValueError, match="first meet a linear layer"):
        sefa(keras.Model(latents, keras.layers.Embedding(4, 2)(keras.ops.cast(latents, "int32"))), count=1)
    with pytest.raises(ValueError, match="first meet a linear layer"):
        sefa(generator, count=1)


@pytest.mark.parametrize("family, first", [("stylegan2", 0), ("stylegan3", 1)])
def test_the_affine_maps_of_our_stylegans_are_told_with_their_rows_of_w(family, first):
    """A row of w moves what its map says: a StyleGAN3's first row is of its input, which has no style."""
    generator = FAMILIES[family]()
    places = [place for place, kernel in style_affines(generator) if kernel.shape[0] == 6]
    expected = range(first, generator.num_ws - (family == "stylegan2"))  # a StyleGAN2's last one is of its images
    assert places == list(expected)


# GANSpace


def test_the_components_of_w_are_those_of_its_known_covariance():
    """w = z M has the covariance M^T M: with M = D Q its components are Q's rows, its deviations D."""
    q, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((WIDTH, WIDTH)))
    deviations = np.array([1.0, 4.0, 0.5, 2.0])
    found = ganspace(styles(matrix=deviations[:, None] * q), count=2, num_samples=20_000)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), [4.0, 2.0], rtol=0.03)
    np.testing.assert_allclose(np.abs(np.sum(found.vectors * q[[1, 3]], axis=1)), [4.0, 2.0], rtol=0.03)
    assert found.names[0].startswith("component 1 (75")  # 16 / 21.25 = 75.3 %


def test_ganspace_of_a_generator_without_w_names_sefa(make_gan):
    with pytest.raises(ValueError, match="`sefa` finds"):
        ganspace(make_gan())


@pytest.mark.parametrize("find", [sefa, ganspace])
@pytest.mark.parametrize("arguments", [dict(count=0), dict(count=5), dict(layers=(2, 2)), dict(layers=(0, 9))])
def test_what_cannot_be_found_is_refused(find, arguments):
    with pytest.raises(ValueError, match="Received: "):
        find(styles(), **arguments)


# Labels


def brightness(images):
    """Class 1 where the left half is brighter than the right."""
    left, right = images[:, :, : SIDE // 2], images[:, :, SIDE // 2 :]
    return (left.mean(axis=(1, 2, 3)) > right.mean(axis=(1, 2, 3))).astype(int)


def halves():
    """Coordinate 1 of w moves brightness from right to left, the others move nothing that the label depends on."""
    kernel = np.zeros((WIDTH, SIDE, SIDE))
    kernel[1, :, : SIDE // 2], kernel[1, :, SIDE // 2 :] = 0.1, -0.1
    kernel[0, : SIDE // 2] = kernel[2, ::2] = 0.1
    return styles(kernels=[kernel.reshape(WIDTH, -1)])


@pytest.mark.thorough
def test_a_label_that_is_a_half_space_of_w_is_found():
    """E[w | w_1 > 0] - E[w | w_1 < 0] lies along w_1, whose deviation is 1; half of those without the label lie within
    0.67 deviations of it, so that a strength of 1 leads 68 % there, a random direction far fewer."""
    found = label_direction(model_of(halves()), 1, brightness, num_samples=2000, strengths=(1.0, 3.0))
    np.testing.assert_allclose(found.directions.vectors, [[0, 1, 0, 0]], atol=0.12)
    # 1,000 rows, half of them held out without the label: a standard error of 2 %.
    np.testing.assert_allclose(found.changed, [0.683, 0.997], atol=0.06)
    assert found.of_random[1] < 0.8 * found.changed[1]
    assert found.directions.space == "w" and 400 < found.held_out < 600


@pytest.mark.thorough
def test_a_label_direction_opposes_that_of_the_other_label():
    one, other = (label_direction(model_of(halves()), k, brightness, num_samples=200).directions for k in (0, 1))
    assert np.sum(one.vectors * other.vectors) < -0.9


def test_a_label_that_no_image_has_is_refused():
    with pytest.raises(ValueError, match="which 0 of 100 images have"):
        label_direction(model_of(halves()), 7, brightness, num_samples=200)


@pytest.mark.parametrize(
    "answers, classes",
    [
        ([[0.1, 2.0], [3.0, -1.0]], [1, 0]),
        ([[0.4], [0.6]], [0, 1]),
        ([[-0.4], [0.6]], [0, 1]),
        ([0.2, 5.0], [1, 1]),
        ([3, 0], [3, 0]),
    ],
)
def test_a_classifier_answers_logits_probabilities_or_classes(answers, classes):
    found = classes_of(lambda images: np.array(answers), np.zeros((2, 4, 4, 1), np.uint8))
    np.testing.assert_array_equal(found, classes)


def test_a_keras_classifier_sees_images_from_minus_one_to_one():
    pixel = keras.Sequential([keras.Input((1, 1, 1)), keras.layers.Flatten()])
    images = np.array([100, 200], np.uint8).reshape(2, 1, 1, 1)
    np.testing.assert_array_equal(classes_of(pixel, images), [0, 1])


def test_an_answer_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="a row an image"):
        classes_of(lambda images: images, np.zeros((2, 4, 4, 1), np.uint8))


def test_the_fingerprint_is_of_the_weights():
    one, same, other = styles(), styles(), styles(noise_strength=0.5)
    assert fingerprint_of(one) == fingerprint_of(same) != fingerprint_of(other)
