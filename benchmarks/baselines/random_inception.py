"""torch-fidelity's network of the FID, with random weights where the published ones are not to be had."""

import tempfile

from benchmarks.baselines.metric_references import torch, torch_fidelity

_Published = torch_fidelity.feature_extractor_inceptionv3.FeatureExtractorInceptionV3


class _Unfilled(_Published):
    """Built with a file that holds no weights."""

    def load_state_dict(self, state_dict):
        assert state_dict == {}


def in_torch(images):
    """uint8 [N, H, W, 3] -> torch's uint8 [N, 3, H, W]."""
    return torch.tensor(images).permute(0, 3, 1, 2).contiguous()


def batch_norms(network):
    return [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]


def random_inception(images, taps):
    """The network with weights as calm as trained ones: wilder ones make a chaos of float32's rounding.

    Batch normalization's statistics are those of `images`, then moved, so that each has its part in the result.

    Args:
        images: uint8 [N, H, W, 3], some tens.
        taps: list of torch-fidelity's names of features.
    """
    with tempfile.NamedTemporaryFile(suffix=".pth") as empty:
        torch.save({}, empty.name)
        network = _Unfilled("inception", taps, feature_extractor_weights_path=empty.name)
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        _draw(network, random)
        network(in_torch(images))
        for norm in batch_norms(network.eval()):
            norm.running_mean += 0.1 * norm.running_var.sqrt() * torch.randn(norm.running_var.shape, generator=random)
            norm.running_var *= torch.exp(0.1 * torch.randn(norm.running_var.shape, generator=random))
    return network


def _draw(network, random):
    """Random weights; batch normalization is left to take the statistics of the next images."""
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, generator=random)
    for norm in batch_norms(network):
        norm.weight.normal_(1, 0.1, generator=random)
        norm.bias.normal_(1, 0.1, generator=random)
        norm.momentum = 1.0
        norm.train()
    network.fc.weight.normal_(0, 0.05, generator=random)
    network.fc.bias.normal_(0, 1, generator=random)
