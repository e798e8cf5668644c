"""What `import tfgan_kit as gk` gave in 0.1.0 still resolves, and says where it is now."""

import importlib
import sys

import tfgan_kit as gk

import pytest

# __all__ of 0.1.0 that has left the top, and the modules that its users reached through `gk`.
MOVED = {
    **{name: f"tfgan_kit.penalties.{name}" for name in ("R1", "R2", "GradientPenalty")},
    **{
        name: f"tfgan_kit.networks.{name}"
        for name in ("DCGANDiscriminator", "DCGANGenerator", "MLPDiscriminator", "MLPGenerator")
    },
    **{
        name: f"tfgan_kit.objectives.{name}"
        for name in ("Hinge", "LeastSquares", "Minimax", "NonSaturating", "RelativisticPairing", "Wasserstein")
    },
    "Alternating": "tfgan_kit.updates.Alternating",
    "checkpoint": "tfgan_kit.runs.checkpoints",
    "gan": "tfgan_kit.training.gan",
    "inputs": "tfgan_kit.training.arguments",
    "optimizers": "tfgan_kit.training.optimizers",
    "sampling": "tfgan_kit.generation.seeds",
    "shards": "tfgan_kit.generation.shards",
}
KEPT = (
    "GAN", "callbacks", "data", "export_generator", "image_seeds", "layers", "metrics", "networks", "objectives",
    "penalties", "presets", "updates",
)  # fmt: skip


@pytest.mark.parametrize("name", MOVED)
def test_a_moved_name_resolves_and_names_its_place(name):
    sys.modules.pop(f"tfgan_kit.{name}", None)
    vars(gk).pop(name, None)  # where another test has imported it
    with pytest.warns(DeprecationWarning, match=f"tfgan_kit.{name} is {MOVED[name]} now"):
        found = getattr(gk, name)
    assert found.__name__.rpartition(".")[2] == MOVED[name].rpartition(".")[2]


@pytest.mark.parametrize("name", ["checkpoint", "sampling", "sizes"])
def test_a_moved_module_is_imported_from_its_old_path_and_is_the_same(name, monkeypatch):
    monkeypatch.delitem(sys.modules, f"tfgan_kit.{name}", raising=False)
    with pytest.warns(DeprecationWarning, match=f"tfgan_kit.{name} is tfgan_kit.[a-z.]+ now"):
        module = importlib.import_module(f"tfgan_kit.{name}")
    assert module is sys.modules[module.__spec__.name] and module.__spec__.name != f"tfgan_kit.{name}"
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("tfgan_kit.checkpoints")


@pytest.mark.filterwarnings("error")
def test_a_kept_name_does_not_warn():
    assert all(getattr(gk, name) is not None for name in KEPT)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="tfgan_kit.*no attribute 'Hinges'"):
        gk.Hinges  # noqa: B018
