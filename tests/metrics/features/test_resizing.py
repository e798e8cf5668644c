from tfgan_kit.metrics.features import resizing

import numpy as np
import pytest

from benchmarks.baselines.metric_references import cleanfid, torch, torch_fidelity
from tests.metrics.coloured_digits import coloured_digits


@pytest.mark.parametrize("size", [(28, 28), (64, 48), (299, 299), (320, 310)], ids=str)
def test_clean_is_clean_fids(digits, size):
    images = coloured_digits(digits, 3, *size)
    reference = cleanfid.resize.make_resizer("PIL", False, "bicubic", (299, 299))
    expected = np.stack([reference(image) for image in images])
    np.testing.assert_allclose(resizing.resize(images, 299, "clean"), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [(28, 28), (64, 48), (299, 299), (320, 310)], ids=str)
def test_tf1_bilinear_is_torch_fidelitys(digits, size):
    images = coloured_digits(digits, 3, *size)
    planes = torch.tensor(images).permute(0, 3, 1, 2).float()
    reference = torch_fidelity.feature_extractor_inceptionv3.interpolate_bilinear_2d_like_tensorflow1x
    expected = reference(planes, size=(299, 299), align_corners=False).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(resizing.resize(images, 299, "tf1_bilinear"), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("resizer", resizing.RESIZERS)
def test_grey_images_equal_their_repeated_channel(digits, resizer):
    grey = coloured_digits(digits, 3, 28, 28)[..., :1]
    found = resizing.resize(grey, 299, resizer)
    np.testing.assert_array_equal(found, resizing.resize(np.repeat(grey, 3, -1), 299, resizer))


@pytest.mark.parametrize("resizer", resizing.RESIZERS)
def test_images_are_float32_in_range_at_the_size_asked_for(digits, resizer):
    found = resizing.resize(coloured_digits(digits, 3, 64, 64), 96, resizer)
    assert found.dtype == np.float32 and found.shape == (3, 96, 96, 3)
    assert found.min() >= 0 and found.max() <= 255


@pytest.mark.parametrize("resizer", resizing.RESIZERS)
def test_no_image_is_no_error(resizer):
    assert resizing.resize(np.zeros((0, 8, 8, 3), np.uint8), 32, resizer).shape == (0, 32, 32, 3)


def test_only_the_clean_resizer_averages_fine_stripes():
    # Lines of 0 and 255 in turn, halved: their mean, or only one of the two.
    stripes = np.zeros((1, 64, 64, 1), np.uint8)
    stripes[:, ::2] = 255
    clean, plain = (resizing.resize(stripes, 32, name)[0, 8:-8] for name in ("clean", "tf1_bilinear"))
    np.testing.assert_allclose(clean, 127.5, atol=1)
    np.testing.assert_array_equal(plain, 255)


@pytest.mark.parametrize(
    "images, resizer, message",
    [
        (np.zeros((1, 8, 8, 3), np.float32), "clean", "must be uint8.*images.dtype=float32"),
        (np.zeros((8, 8, 3), np.uint8), "clean", r"images.shape=\(8, 8, 3\)"),
        (np.zeros((1, 8, 8, 4), np.uint8), "tf1_bilinear", r"images.shape=\(1, 8, 8, 4\)"),
        (np.zeros((1, 0, 8, 3), np.uint8), "clean", r"images.shape=\(1, 0, 8, 3\)"),
        (np.zeros((1, 8, 8, 3), np.uint8), "bilinear", "tf1_bilinear, clean.*resizer='bilinear'"),
    ],
)
def test_other_images_and_names_are_refused(images, resizer, message):
    with pytest.raises(ValueError, match=message):
        resizing.resize(images, 32, resizer)
