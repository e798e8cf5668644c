"""The catalogue: its tables in the docs, and what each requirement refuses."""

import pathlib

from tfgan_kit.data import open_source
from tfgan_kit.data.arrays import ArraySource
from tfgan_kit.metrics import catalogue
from tfgan_kit.metrics.catalogue import MEASURES, REQUIREMENTS, Choice, Offer, choose, enough

import numpy as np
import pytest

DOCS = pathlib.Path(__file__).parents[2] / "docs" / "metrics.md"
REGENERATE = 'python -c "from tfgan_kit.metrics.catalogue import markdown_tables; print(markdown_tables())"'


def _pictures(side=16, labels=None):
    images = np.random.default_rng(0).integers(0, 256, (40, side, side, 1), np.uint8)
    return ArraySource("pictures", images, labels)


def test_the_docs_show_the_catalogue_s_tables():
    assert catalogue.markdown_tables() in DOCS.read_text(), f"put the output of {REGENERATE} into docs/metrics.md"


def test_metrics_and_requirements_name_each_other():
    required = frozenset().union(*(measure.requires for measure in MEASURES.values()))
    assert required == REQUIREMENTS.keys()


@pytest.mark.parametrize(
    "requirement, name, options",
    [
        (catalogue.FEATURES, "kid", {"source": _pictures()}),
        (catalogue.DOMAIN, "label_agreement", {"source": _pictures(labels=np.arange(40) % 2), "extractor": len}),
        (catalogue.CONDITIONAL, "label_agreement", {"source": _pictures(labels=np.arange(40) % 2)}),
        (catalogue.WINDOWS, "ms_ssim", {"source": open_source("ring8")}),
        (catalogue.PATCHES, "swd", {"source": _pictures(6)}),
        (catalogue.WINDOWS, "ms_ssim", {"source": _pictures(8)}),
        (catalogue.MODES, "modes", {"source": _pictures()}),
        (catalogue.MIXTURE, "high_quality", {"source": _pictures()}),
    ],
)
def test_a_metric_is_refused_in_the_words_of_what_it_lacks(requirement, name, options):
    with pytest.raises(ValueError) as error:
        choose(name, **options)
    message = str(error.value)
    assert f"{name} needs " in message and REQUIREMENTS[requirement].sentence in message
    assert message.endswith(f"Received: metrics='{name}'")


def test_classes_met_once_are_refused_in_the_words_of_the_requirement():
    sets = (np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]), np.array([0, 1, 0, 0]))
    offer = Offer(_pictures(labels=np.arange(40) % 2), True, "domain", sets)
    with pytest.raises(ValueError, match=REQUIREMENTS[catalogue.TWO_OF_A_CLASS].sentence):
        enough(Choice(["intra_class_fd"], "domain", True), offer, 1, 100, 100)
    assert enough(Choice(["fd", "intra_class_fd"], "domain", False), offer, 1, 100, 100) == ["fd"]


def test_a_classifier_of_ones_own_is_asked_for_logits_by_name_only():
    source = _pictures()
    assert "inception_score" not in choose(None, source, extractor=len).names
    assert "inception_score" in choose(None, source, extractor="lite0").names
    assert choose("inception_score", source, extractor=len) == Choice(["inception_score"], len, True)
