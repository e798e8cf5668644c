"""Files as the authors of StyleGAN write them: their pickles' names and structure, from stand-ins of our own."""

import pickle
import sys
import types
from collections import OrderedDict

import numpy as np
import pytest
import torch

BUFFERS = ("noise_const", "w_avg", "resample_filter", "freqs", "phases", "transform", "magnitude_ema")


@pytest.fixture
def authors(monkeypatch):
    """The authors' modules by their names, while a test writes and, not to need them, no longer."""
    return Authors(monkeypatch)


class Authors:
    """Makes what the authors pickle."""

    def __init__(self, monkeypatch):
        for name in ("dnnlib", "dnnlib.util", "dnnlib.tflib", "dnnlib.tflib.network", "torch_utils"):
            monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
        persistence = types.ModuleType("torch_utils.persistence")
        monkeypatch.setitem(sys.modules, persistence.__name__, persistence)

        def _reconstruct_persistent_obj(meta):
            raise AssertionError("nobody calls this")

        class EasyDict(dict):
            pass

        class Network:
            def __init__(self, state):
                self._state = state

            def __getstate__(self):
                return self._state

        self._reconstruct, self._dict, self._network = _reconstruct_persistent_obj, EasyDict, Network
        for each, module in (
            (_reconstruct_persistent_obj, persistence),
            (EasyDict, sys.modules["dnnlib.util"]),
            (Network, sys.modules["dnnlib.tflib.network"]),
        ):
            each.__module__, each.__qualname__ = module.__name__, each.__name__
            setattr(module, each.__name__, each)

    def easy(self, value):
        """Nested dicts as `dnnlib.util.EasyDict`."""
        return self._dict({k: self.easy(v) for k, v in value.items()}) if isinstance(value, dict) else value

    def module(self, state, arguments=(), class_name="Generator", attributes=(), dtype=torch.float32):
        """A persistent object with parameters and buffers by their dotted names."""
        made = _Module(self._reconstruct, class_name)
        made.state.update(_init_args=(), _init_kwargs=self.easy(dict(arguments)), training=False)
        made.state["weight_gain"] = np.float64(0.25)  # a number of NumPy's, as the authors' layers hold
        for name, array in state.items():
            inner = made.inner(name)
            tensor = torch.from_numpy(np.array(array))
            tensor = tensor.to(dtype) if tensor.is_floating_point() else tensor
            if name.endswith(BUFFERS):
                inner.state["_buffers"][name.rpartition(".")[2]] = tensor
            else:
                inner.state["_parameters"][name.rpartition(".")[2]] = torch.nn.Parameter(tensor, requires_grad=False)
        for name, value in dict(attributes).items():
            made.inner(name).state[name.rpartition(".")[2]] = value
        return made

    def tensorflow(self, name, builder, variables, arguments=(), components=(), version=5):
        """A network of TensorFlow, of variables by their names."""
        return self._network({
            "version": version, "name": name, "static_kwargs": dict(arguments), "components": dict(components),
            "build_module_src": "raise AssertionError('nobody runs this')", "build_func_name": builder,
            "variables": list(variables.items()),
        })  # fmt: skip


class _Module:
    """`torch_utils.persistence`'s reduction of a module."""

    def __init__(self, reconstruct, class_name):
        self.state = dict(_parameters=OrderedDict(), _buffers=OrderedDict(), _modules=OrderedDict())
        self._reconstruct, self._class_name = reconstruct, class_name

    def inner(self, name):
        """The module that a dotted name's last part belongs to; made, if there is none."""
        module = self
        for part in name.split(".")[:-1]:
            module = module.state["_modules"].setdefault(part, _Module(self._reconstruct, "Layer"))
        return module

    def __reduce__(self):
        return self._reconstruct, ({
            "type": "class", "version": 6, "module_src": "raise AssertionError('nobody runs this')",
            "class_name": self._class_name, "state": self.state,
        },)  # fmt: skip


def write(path, content, protocol=4):
    path.write_bytes(pickle.dumps(content, protocol))
    return path


# TensorFlow's names of official PyTorch parameters, and the arrays there


def tensorflow_generator(authors, state, arguments, **changes):
    """A pickle's generator of StyleGAN2-ADA of TensorFlow with the numbers of a PyTorch state."""
    whole, mapping, synthesis = {}, {}, {}
    for name, array in state.items():
        part, _, rest = name.partition(".")
        if name == "mapping.w_avg":
            whole["dlatent_avg"] = array
        elif part == "mapping":
            layer, kind = rest.split(".")
            layer = "LabelEmbed" if layer == "embed" else f"Dense{layer[2:]}"
            mapping[f"{layer}/{kind}"] = array.T
        elif "noise_const" in name:
            level, layer, _ = rest.split(".")
            step = int(np.log2(int(level[1:])))
            number = 0 if step == 2 else 2 * step - (5 if layer == "conv0" else 4)
            synthesis[f"noise{number}"] = array[None, None]
        else:
            key, array = _tensorflow_synthesis(rest, array)
            synthesis[key] = array
    known = {
        "latent_size": arguments["z_dim"], "label_size": arguments["c_dim"], "dlatent_size": arguments["w_dim"],
        "resolution": arguments["img_resolution"], "num_channels": arguments["img_channels"],
        "mapping_layers": arguments["mapping_kwargs"]["num_layers"],
        "fmap_base": arguments["synthesis_kwargs"]["channel_base"] // 2,
        "fmap_max": arguments["synthesis_kwargs"]["channel_max"], "style_mixing_prob": 0.9, "num_fp16_res": 4,
        "architecture": arguments["synthesis_kwargs"]["architecture"],
        "conv_clamp": arguments["synthesis_kwargs"]["conv_clamp"],
    }  # fmt: skip
    components = {
        "synthesis": authors.tensorflow("G_synthesis", "G_synthesis", synthesis),
        "mapping": authors.tensorflow("G_mapping", "G_mapping", mapping),
    }
    return authors.tensorflow("G", "G_main", whole, {**known, **changes}, components)


def _tensorflow_synthesis(name, array):
    level, layer, *kind = name.split(".")
    size = level[1:]
    if layer == "const":
        return "4x4/Const/const", array[None]
    title = {"conv0": "Conv0_up", "conv1": "Conv" if size == "4" else "Conv1", "torgb": "ToRGB", "skip": "Skip"}[layer]
    if kind == ["affine", "weight"]:
        return f"{size}x{size}/{title}/mod_weight", array.T
    if kind == ["affine", "bias"]:
        return f"{size}x{size}/{title}/mod_bias", array - 1
    if kind == ["noise_strength"]:
        return f"{size}x{size}/{title}/noise_strength", np.float32(array)  # a scalar is a number in TensorFlow
    if kind == ["weight"]:
        array = array.transpose(2, 3, 1, 0)
        array = array[::-1, ::-1] if layer in ("conv0", "skip") else array
    return f"{size}x{size}/{title}/{kind[0]}", array


def tensorflow_discriminator(authors, state, arguments, **changes):
    """Likewise a discriminator."""
    variables = {}
    for name, array in state.items():
        level, layer, kind = name.split(".")
        if level == "mapping":
            variables[f"{'LabelEmbed' if layer == 'embed' else f'Mapping{layer[2:]}'}/{kind}"] = array.T
        elif layer in ("fc", "out"):
            variables[f"{'4x4/Dense0' if layer == 'fc' else 'Output'}/{kind}"] = array.T
        else:
            title = {"fromrgb": "FromRGB", "conv": "Conv", "conv0": "Conv0", "conv1": "Conv1_down", "skip": "Skip"}
            array = array.transpose(2, 3, 1, 0) if kind == "weight" else array
            variables[f"{level[1:]}x{level[1:]}/{title[layer]}/{kind}"] = array
    known = {
        "label_size": arguments["c_dim"], "resolution": arguments["img_resolution"],
        "num_channels": arguments["img_channels"], "fmap_base": arguments["channel_base"] // 2,
        "fmap_max": arguments["channel_max"], "architecture": arguments["architecture"],
        "conv_clamp": arguments.get("conv_clamp"), **arguments.get("epilogue", {}),
    }  # fmt: skip
    return authors.tensorflow("D", "D_main", variables, {**known, **changes})
