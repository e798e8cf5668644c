"""StyleGAN's pickles: read as their authors write them, without running what is in them, and refused when they lie."""

import os

from tfgan_kit import convert
from tfgan_kit.convert.checkpoint import read_networks
from tfgan_kit.convert.file_arguments import guess_with_arguments
from tfgan_kit.convert.transfer import transfer

import numpy as np
import pytest
import tensorflow as tf
import torch

from tests.convert.pickles import authors, tensorflow_discriminator, tensorflow_generator, write
from tests.convert.test_pytorch_file import Command
from tests.fixtures.official import Official, assert_agrees, drawn, nhwc

__all__ = ["authors"]

GENERATORS = ("sg2_g_skip_cond32", "sg2_g_skip_clamp16", "sg2_g_resnet16", "sg2_g_orig_cond16", "sg2_g_skip_8x12")
DISCRIMINATORS = ("sg2_d_resnet_cond32", "sg2_d_skip_clamp16", "sg2_d_orig_cond16", "sg2_d_resnet_8x12")


def assert_equal_states(found, expected):
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


# What is in a file is read as it was written


@pytest.mark.parametrize("name", [*GENERATORS, *DISCRIMINATORS])
def test_parameters_and_arguments_of_a_persistent_object_are_read(tmp_path, authors, name):
    official = Official(name)
    module = authors.module(official.state(), official.meta["config"], "Network")
    found = read_networks(write(tmp_path / "a.pkl", {"G_ema": module, "training_set_kwargs": None}))
    assert list(found) == ["G_ema"] and found["G_ema"].class_name == "Network"
    assert_equal_states(found["G_ema"].state, official.state())
    assert found["G_ema"].arguments == official.meta["config"]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64])
def test_every_protocol_and_precision_is_read(tmp_path, authors, protocol, dtype):
    state = {"b4.conv.weight": np.float32([[1.5, -2.0]]), "b4.noise_const": np.float32([0.25, 4.0])}
    path = write(tmp_path / "a.pkl", {"G": authors.module(state, {"size": np.float32(3)}, dtype=dtype)}, protocol)
    (found,) = read_networks(path).values()
    assert_equal_states(found.state, state)
    assert found.arguments == {"size": 3.0}
    assert {array.dtype.name for array in found.state.values()} == {str(dtype).removeprefix("torch.")}


def test_a_kernel_in_the_order_of_channels_last_is_read_by_its_strides(tmp_path, authors):
    kernel = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2)
    module = authors.module({"b8.conv0.weight": kernel})
    parameters = module.inner("b8.conv0.weight").state["_parameters"]
    parameters["weight"] = torch.from_numpy(kernel).to(memory_format=torch.channels_last)
    found = convert.read(write(tmp_path / "a.pkl", {"D": module}))
    np.testing.assert_array_equal(found["b8.conv0.weight"], kernel)


def test_an_augmentation_beside_the_networks_is_none_of_them(tmp_path, authors):
    content = {
        "G": authors.module({"w": np.zeros(1)}),
        "augment_pipe": authors.module({"Hz_geom": np.zeros(12)}, class_name="AugmentPipe"),
        "training_set_kwargs": authors.easy({"path": "faces.zip", "max_size": None}),
    }
    assert convert.networks(write(tmp_path / "a.pkl", content)) == ["G"]


# The file's arguments, and those of shapes alone


@pytest.mark.parametrize("name", [*GENERATORS, *DISCRIMINATORS])
def test_shapes_alone_tell_the_same_widths_and_sizes(name):
    config = Official(name).meta["config"]
    player = "generator" if "z_dim" in config else "discriminator"
    family, network, found = convert.guess(Official(name).state())
    assert (family, network) == ("stylegan2", player)
    if "8x12" in name and player == "discriminator":  # the size of its last matrix is an area alone
        config.pop("img_resolution")
    synthesis = config.get("synthesis_kwargs", config)
    assert {k: v for k, v in found.items() if not k.endswith("_kwargs")}.items() >= {
        k: v for k, v in config.items() if k in ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels")
    }.items()
    assert found.get("synthesis_kwargs", found)["architecture"] == synthesis["architecture"]
    levels = 4 * 2 ** np.arange(8)
    for argument in ("channel_base", "channel_max"):  # another pair may give the same channels
        assert found.get("synthesis_kwargs", found)[argument] <= synthesis[argument]
    state = Official(name).state()
    for level in levels[[f"b{level}." in "".join(state) for level in levels]]:
        pair = found.get("synthesis_kwargs", found)
        width = min(synthesis["channel_base"] // level, synthesis["channel_max"])
        assert min(pair["channel_base"] // level, pair["channel_max"]) == width


def test_stylegan3_s_arguments_stand_beside_those_of_the_mapping_and_become_nested_for_stylegan2(tmp_path, authors):
    official = Official("sg2_g_skip_clamp16")
    config = dict(official.meta["config"])
    config.update(config.pop("synthesis_kwargs"), fused_modconv_default="inference_only")
    (found,) = read_networks(write(tmp_path / "a.pkl", {"G": authors.module(official.state(), config)})).values()
    arguments = guess_with_arguments(found).arguments
    assert arguments == official.meta["config"] | {"c_dim": 0}


def test_what_is_no_argument_has_the_value_of_the_file_and_not_of_another_repository(tmp_path, authors):
    """The defaults of conv_clamp and w_avg_beta differ between StyleGAN2-ADA's and StyleGAN3's repositories."""
    official = Official("sg2_g_skip_8x12")
    said = {"synthesis.b4.conv1.conv_clamp": 256, "mapping.w_avg_beta": 0.998}
    module = authors.module(official.state(), official.meta["config"], attributes=said)
    (found,) = read_networks(write(tmp_path / "a.pkl", {"G": module})).values()
    arguments = guess_with_arguments(found).arguments
    assert arguments["synthesis_kwargs"]["conv_clamp"] == 256
    assert arguments["mapping_kwargs"]["w_avg_beta"] == 0.998


# Images of a file are those of the official class


@pytest.mark.parametrize("name", ["sg2_g_skip_cond32", "sg2_g_skip_8x12"])
def test_a_generator_of_a_pickle_gives_the_official_images(tmp_path, authors, name):
    official = Official(name)
    (found,) = read_networks(
        write(tmp_path / "a.pkl", {"G_ema": authors.module(official.state(), official.meta["config"])})
    ).values()
    family, player, arguments = guess_with_arguments(found)
    generator = convert.load(family, found.state, player, **arguments)
    labels = {"sg2_g_skip_cond32": [0, 1, 2, 0]}.get(name)
    latents = tf.constant(drawn("z", (len(official["ws"]), official.meta["config"]["z_dim"])))
    images = generator(latents if labels is None else [latents, tf.constant(labels)])
    assert_agrees(images, nhwc(official["psi1_const"]))


# TensorFlow


def plain(name):
    """A fixture's arguments with all that the TensorFlow files say, too."""
    config = Official(name).meta["config"]
    if "z_dim" in config:
        synthesis = {"conv_clamp": None, **config["synthesis_kwargs"]}
        synthesis = {k: v for k, v in synthesis.items() if k not in ("num_fp16_res", "resample_filter")}
        return {**config, "synthesis_kwargs": synthesis}
    epilogue = config.get("epilogue_kwargs", {})
    renamed = {"mbstd_group_size": "mbstd_group_size", "mbstd_num_channels": "mbstd_num_features"}
    return {**config, "epilogue": {renamed[k]: v for k, v in epilogue.items()}}


def three(authors, generator="sg2_g_skip_cond32", discriminator="sg2_d_resnet_cond32", **changes):
    g = tensorflow_generator(authors, Official(generator).state(), plain(generator), **changes.get("G", {}))
    d = tensorflow_discriminator(
        authors, Official(discriminator).state(), plain(discriminator),
        mapping_layers=plain(discriminator).get("mapping_kwargs", {}).get("num_layers", 8), mapping_lrmul=0.01,
        **changes.get("D", {}),
    )  # fmt: skip
    return g, d, g


@pytest.mark.parametrize(
    "generator, discriminator",
    [
        ("sg2_g_skip_cond32", "sg2_d_resnet_cond32"),
        ("sg2_g_resnet16", "sg2_d_skip_clamp16"),
        ("sg2_g_orig_cond16", "sg2_d_orig_cond16"),
    ],
)
def test_tensorflow_s_parameters_get_their_names_and_values_in_pytorch(tmp_path, authors, generator, discriminator):
    path = write(tmp_path / "a.pkl", three(authors, generator, discriminator))
    assert convert.networks(path) == ["G", "D", "G_ema"]
    found = read_networks(path)
    for name, expected in (("G", generator), ("D", discriminator), ("G_ema", generator)):
        state = Official(expected).state()
        assert set(found[name].state) == set(state)
        for key, array in state.items():  # a style's bias loses a bit on its way to one less and back
            np.testing.assert_allclose(found[name].state[key], array, rtol=0, atol=1e-6)
        arguments = guess_with_arguments(found[name]).arguments
        for key, value in Official(expected).meta["config"].items():
            if not key.endswith("_kwargs") and key != "num_fp16_res":
                assert arguments[key] == value


def test_tensorflow_s_generator_gives_the_official_images(tmp_path, authors):
    official = Official("sg2_g_skip_cond32")
    found = read_networks(write(tmp_path / "a.pkl", three(authors)), ["G_ema"])["G_ema"]
    family, player, arguments = guess_with_arguments(found)
    generator = convert.load(family, found.state, player, **arguments)
    images = generator([tf.constant(drawn("z", (4, 16))), tf.constant([0, 1, 2, 0])])
    assert_agrees(images, nhwc(official["psi1_const"]))


def test_stylegan2_before_ada_has_a_score_a_class_of_which_the_label_takes_one(tmp_path, authors):
    """Its conditional discriminator's last layer has an output a class."""
    classes, state = 3, Official("sg2_d_resnet_8x12").state()
    random = np.random.default_rng(0)
    arguments = {**plain("sg2_d_resnet_8x12"), "c_dim": classes, "img_resolution": 8}
    state["b4.out.weight"] = random.standard_normal((classes, *state["b4.out.weight"].shape[1:]), np.float32)
    state["b4.out.bias"] = random.standard_normal(classes, np.float32)
    state["b4.fc.weight"] = state["b4.fc.weight"][:, : 16 * len(state["b4.fc.weight"])]
    network = tensorflow_discriminator(authors, state, arguments)
    network._state.update(build_func_name="D_stylegan2", version=4)
    (found,) = read_networks(write(tmp_path / "a.pkl", {"D": network})).values()
    family, player, arguments = guess_with_arguments(found)
    discriminator = convert.load(family, found.state, player, **arguments)
    images = tf.constant(random.standard_normal((3, 8, 8, 3), np.float32))
    features = discriminator.get_layer("features").output
    features = type(discriminator).__mro__[2](discriminator.inputs, features)([images, tf.constant([0, 1, 2])])
    width = features.shape[1]
    scores = features @ state["b4.out.weight"].T / np.sqrt(width) + state["b4.out.bias"]
    found = discriminator([images, tf.constant([0, 1, 2])])
    np.testing.assert_allclose(found[:, 0], np.diag(scores), rtol=1e-5)


@pytest.mark.parametrize(
    "builder, version, what",
    [
        ("G_style", 3, "a StyleGAN1, or StyleGAN2's configuration A"),
        ("D_stylegan", 4, "StyleGAN2's configurations B to D, which grow"),
        ("G_paper", 2, "a Progressive GAN"),
        ("Noise2Noise", 4, "of an unknown kind"),
        ("G_main", 3, "too old"),
    ],
)
def test_another_network_of_tensorflow_is_refused_by_its_name(tmp_path, authors, builder, version, what):
    network = authors.tensorflow("G", builder, {"w": np.zeros(1, np.float32)}, version=version)
    with pytest.raises(ValueError, match=f"is {what}: read are .* build function {builder}, version {version}"):
        convert.read(write(tmp_path / "a.pkl", {"G": network}))


def test_a_growing_synthesis_in_a_known_generator_is_refused(tmp_path, authors):
    inner = authors.tensorflow("G_synthesis", "G_synthesis_stylegan_revised", {})
    network = authors.tensorflow("G", "G_main", {}, components={"synthesis": inner}, version=4)
    with pytest.raises(ValueError, match="configurations B to D"):
        convert.read(write(tmp_path / "a.pkl", {"G": network}))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"use_noise": False}, "is read with use_noise=True alone"),
        ({"my_trick": 3}, "its authors' arguments alone. Received: my_trick"),
    ],
)
def test_arguments_that_no_pytorch_network_has_are_refused(tmp_path, authors, changes, message):
    with pytest.raises(ValueError, match=message):
        convert.read(write(tmp_path / "a.pkl", three(authors, G=changes)), "G")


def test_labels_that_are_normalized_with_latents_are_refused(tmp_path, authors):
    """StyleGAN2 of TensorFlow before ADA."""
    inner = authors.tensorflow("G_mapping", "G_mapping", {"LabelConcat/weight": np.zeros((3, 4), np.float32)})
    network = authors.tensorflow("G", "G_main", {}, {"label_size": 3}, {"mapping": inner}, version=4)
    with pytest.raises(ValueError, match="normalizes latents and label together.* Received: 3 classes"):
        convert.read(write(tmp_path / "a.pkl", {"G": network}))


# Files that lie, or ask for more than they have


def small(authors, **changes):
    return authors.module({"b4.conv.weight": np.arange(6, dtype=np.float32)}, **changes)


def assert_refused(path, message):
    with pytest.raises(ValueError, match=message) as error:
        read_networks(path)
    assert f"Received: {path} (" in str(error.value)


@pytest.mark.parametrize("place", ["beside", "in an argument", "as an attribute", "in the place of the text"])
def test_a_command_anywhere_in_a_pickle_is_refused_and_not_run(tmp_path, authors, place):
    command = Command(tmp_path / "made")
    module = small(authors, arguments={"z_dim": command} if place == "in an argument" else {})
    if place == "as an attribute":
        module.state["extra"] = command
    if place == "in the place of the text":
        module._class_name = command
    content = {"G": module, **({"extra": command} if place == "beside" else {})}
    assert_refused(write(tmp_path / "a.pkl", content), "a file of other things than weights, .*it holds posix.system")
    assert not (tmp_path / "made").exists()


def test_the_text_of_a_class_is_never_run(tmp_path, authors):
    """The stand-ins' text raises when it is run."""
    assert convert.networks(write(tmp_path / "a.pkl", {"G": small(authors)})) == ["G"]


@pytest.mark.parametrize("tenth", range(10))
@pytest.mark.parametrize("kind", ["pytorch", "tensorflow"])
def test_a_file_that_was_cut_is_refused(tmp_path, authors, kind, tenth):
    path = tmp_path / "a.pkl"
    write(path, {"G": small(authors), "D": small(authors)} if kind == "pytorch" else three(authors))
    os.truncate(path, path.stat().st_size * tenth // 10)
    assert_refused(path, "no whole file of weights")


def test_a_storage_that_is_shorter_than_its_tensor_is_refused(tmp_path, authors):
    path = write(tmp_path / "a.pkl", {"G": small(authors)}, protocol=2)
    content = path.read_bytes()
    shape = b"K\x06\x85"  # the tuple (6,) of the shape
    assert content.count(shape) == 1
    path.write_bytes(content.replace(shape, b"K\x07\x85"))
    assert_refused(path, "a tensor larger than its storage")


@pytest.mark.parametrize("count", [b"\xff" * 6 + b"\x7f\x00", b"\x07" + b"\x00" * 7])
def test_a_storage_of_another_size_than_it_says_is_refused(tmp_path, authors, count):
    path = write(tmp_path / "a.pkl", {"G": small(authors)})
    content, numbers = path.read_bytes(), np.arange(6, dtype=np.float32).tobytes()
    assert content.count(b"\x06" + b"\x00" * 7 + numbers) == 1
    path.write_bytes(content.replace(b"\x06" + b"\x00" * 7 + numbers, count + numbers))
    assert_refused(path, "numbers in the place of 6")


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x04\x8e" + (2**40).to_bytes(8, "little") + b"short.",
        b"\x80\x04\x95" + (2**62).to_bytes(8, "little") + b".",
        b"\x80\x02\x8b" + (2**30).to_bytes(4, "little") + b"1.",
    ],
    ids=["bytes", "frame", "number"],
)
def test_a_length_that_the_file_does_not_have_is_refused(tmp_path, content):
    (tmp_path / "a.pkl").write_bytes(content)
    assert_refused(tmp_path / "a.pkl", "no whole file of weights")


@pytest.mark.parametrize(
    "shape, content",
    [((3,), bytes(8)), ((2**40,), bytes(8)), ((-2,), bytes(8)), (("a",), bytes(8)), ((2,), [1.0, 2.0])],
    ids=str,
)
def test_an_array_of_another_size_than_its_bytes_is_refused(tmp_path, authors, shape, content):
    class Array:
        def __reduce__(self):
            made, begun = np.zeros(1, np.float32).__reduce__()[:2]
            return made, begun, (1, shape, np.dtype("f4"), False, content)

    network = authors.tensorflow("G", "G_main", {"dlatent_avg": Array()})
    assert_refused(write(tmp_path / "a.pkl", {"G": network}), "it holds an? (array|tensor)")


@pytest.mark.parametrize("kind", ["modules", "components", "arguments"])
def test_parts_that_refer_to_each_other_without_end_are_refused(tmp_path, authors, kind):
    """40 levels of two names each would be 2^40 parts; a thousand levels would end Python's stack."""
    made = small(authors) if kind == "modules" else {}
    for _ in range(40):
        if kind == "modules":
            outer = small(authors)
            outer.state["_modules"].update(a=made, b=made)
            made = outer
        elif kind == "components":
            made = dict.fromkeys("ab", authors.tensorflow("N", "N", {}, components=made))
        else:
            made = {"a": made, "b": made}
    if kind == "components":
        made = authors.tensorflow("G", "G_main", {}, components=made)
    if kind == "arguments":
        arguments, made = made, small(authors)
        made.state["_init_kwargs"] = arguments
    assert_refused(write(tmp_path / "a.pkl", {"G": made}), "modules without end")


def test_tuples_in_tuples_by_the_ten_thousand_are_refused(tmp_path):
    """As a name in a dict they would end the process: Python's hash of a tuple has no bound."""
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02}(" + b")" + b"\x85" * 10**6 + b"K\x01u.")
    assert_refused(tmp_path / "a.pkl", "it holds more than 40000 tuples")


def test_lists_in_lists_by_the_hundred_thousand_end_no_process(tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02" + b"]" * 10**5 + b"a" * (10**5 - 1) + b".")
    assert_refused(tmp_path / "a.pkl", "it holds a list and no network")


def test_a_pickle_cannot_change_the_functions_that_read_it(tmp_path, authors):
    """BUILD sets attributes of whatever lies on the stack."""
    call = b"ctorch._utils\n_rebuild_tensor_v2\n"
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02" + call + b"N}X\x0c\x00\x00\x00__defaults__)s\x86b.")
    assert_refused(tmp_path / "a.pkl", "it changes a function")


@pytest.mark.parametrize("seed", range(10))
def test_a_damaged_pickle_is_read_or_refused_and_nothing_else(tmp_path, authors, seed):
    path = write(tmp_path / "a.pkl", {"G": small(authors), "D": small(authors)})
    random = np.random.default_rng(seed)
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    content[random.integers(len(content), size=8)] = random.integers(256, size=8)
    path.write_bytes(content.tobytes())
    try:
        read_networks(path)
    except ValueError as error:
        assert "Received: " in str(error)


# Transfer


def test_a_transfer_keeps_what_fits_and_lists_the_rest():
    official = Official("sg2_g_skip_8x12")
    state, config = official.state(), official.meta["config"]
    network, new, left = transfer("stylegan2", state, **{**config, "img_resolution": 16, "img_channels": 1, "c_dim": 2})
    assert network.output_shape == (None, 16, 16, 1)
    assert new[0] == "mapping.embed" and "synthesis.b16.conv0" in new and "synthesis.b8.torgb" in new
    assert left == []
    kept = network.synthesis.layer(1, "conv1").kernel
    np.testing.assert_array_equal(kept, state["synthesis.b8.conv1.weight"].transpose(2, 3, 1, 0))
    np.testing.assert_array_equal(network.mapping.w_avg, state["mapping.w_avg"])


def test_a_transfer_to_the_same_size_is_the_network_itself():
    official = Official("sg2_d_skip_clamp16")
    network, new, left = transfer("stylegan2", official.state(), "discriminator", **official.meta["config"])
    expected = convert.load("stylegan2", official.state(), "discriminator", **official.meta["config"])
    assert new == [] and left == []
    for found, weight in zip(network.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(found, weight)


def test_a_transfer_to_a_smaller_size_lists_what_is_left_over():
    official = Official("sg2_d_skip_clamp16")
    config = {**official.meta["config"], "img_resolution": 8}
    _, new, left = transfer("stylegan2", official.state(), "discriminator", **config)
    assert new == []
    assert left == ["b16.fromrgb", "b16.conv0", "b16.conv1"]


def test_a_class_that_is_not_known_is_named(tmp_path, authors):
    path = write(
        tmp_path / "a.pkl", {"ema": authors.module({"model.map.weight": np.zeros(2)}, class_name="EDMPrecond")}
    )
    with pytest.raises(ValueError, match="network of the class EDMPrecond .*Received: model.map.weight"):
        guess_with_arguments(read_networks(path)["ema"])
