"""Real digits, and one domain classifier trained on half of them for the whole session."""

from tfgan_kit.data import open_source
from tfgan_kit.metrics import domain_classifier, split_indices
from tfgan_kit.metrics.features import domain_training
from tfgan_kit.metrics.features.domain_training import read

import pytest


@pytest.fixture(scope="session")
def digits():
    return open_source("mnist5k")


@pytest.fixture(scope="session")
def cache_with_classifier(digits, tmp_path_factory):
    """With a classifier of a third of the steps, 98 % right: a percent less than by all of them."""
    folder = tmp_path_factory.mktemp("classifier_cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(domain_training, "STEPS", 200)
        domain_classifier(digits, split_indices(5000, with_classifier=True).classifier, cache=folder)
    return folder


@pytest.fixture(scope="session")
def digit_classifier(digits, cache_with_classifier):
    indices = split_indices(5000, with_classifier=True).classifier
    return domain_classifier(digits, indices, cache=cache_with_classifier)


@pytest.fixture(scope="session")
def reference_digits(digits):
    return read(digits, split_indices(5000, with_classifier=True).reference)


@pytest.fixture(scope="session")
def held_out_digits(digits):
    return read(digits, split_indices(5000, with_classifier=True).test)
