"""The names that flags offer are those of the registries, which need TensorFlow to be read."""

import tfgan_kit as gk
from tfgan_kit import choices
from tfgan_kit.commands.divergence import DIVERGENCES
from tfgan_kit.data.open import SPELLINGS
from tfgan_kit.data.origins.prepared import ENCODINGS
from tfgan_kit.distribution import STRATEGIES
from tfgan_kit.export.profile import PRECISIONS
from tfgan_kit.layers.style_convolution import NOISE_MODES
from tfgan_kit.metrics.catalogue import GROUPS, MEASURES
from tfgan_kit.metrics.features.extractor import KNOWN
from tfgan_kit.metrics.features.resizing import RESIZERS


def test_every_choice_is_a_name_of_its_registry_and_every_name_a_choice():
    registries = {
        "PRESETS": [name for name, preset in gk.presets.PRESETS.items() if ours(preset)],
        "OBJECTIVES": gk.objectives.OBJECTIVES,
        "AUGMENTATIONS": gk.augment.AUGMENTATIONS,
        "SPELLINGS": SPELLINGS.split(", "),
        "METRICS": MEASURES,
        "METRIC_GROUPS": GROUPS,
        "EXTRACTORS": KNOWN,
        "RESIZERS": RESIZERS,
        "ENCODINGS": ENCODINGS,
        "DIVERGENCES": DIVERGENCES,
        "STRATEGIES": STRATEGIES,
        "PRECISIONS": PRECISIONS,
        "NOISE_MODES": NOISE_MODES,
    }
    offered = {name: set(getattr(choices, name)) for name in registries}
    assert {name: one for name, registry in registries.items() if (one := offered[name] ^ set(registry))} == {}
    assert choices.METRIC_GROUPS == GROUPS


def ours(preset):
    """Whether a preset is the package's, and not one that a test has registered."""
    return preset.networks.__module__.startswith("tfgan_kit.")
