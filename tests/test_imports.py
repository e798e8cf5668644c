"""Who may import whom (DESIGN.md, section 2), read off every file with `ast`."""

import ast
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent
PACKAGES = ("tfgan_kit", "tfgan_kit_client")

COMMANDS = {
    "tfgan_kit.train", "tfgan_kit.generate", "tfgan_kit.evaluate", "tfgan_kit.demo", "tfgan_kit.divergence",
    "tfgan_kit.load_test",
    "tfgan_kit.export.__main__", "tfgan_kit.serving.__main__", "tfgan_kit_client.__main__",
}
ANYTHING = ("tfgan_kit", "tfgan_kit_client")

# Of ours; a name allows the module and all below it. The longest key that fits a module decides.
# Every module may import what lies in its own package.
ALLOWED = {
    "tfgan_kit": (  # __init__.py: the list of public names; never serving
        "callbacks", "data", "distribution", "divergences", "dynamics", "export", "gan", "layers", "metrics",
        "networks", "objectives", "penalties", "processor", "sampling", "tiling", "updates",
    ),
    "tfgan_kit.processor": (),
    "tfgan_kit.half_precision": ("layers", "processor"),
    "tfgan_kit.sizes": (),
    "tfgan_kit.layers": ("sizes",),
    "tfgan_kit.objectives": (),
    "tfgan_kit.penalties": (),
    "tfgan_kit.divergences": ("tfgan_kit_client.pictures",),
    "tfgan_kit.data": (),
    "tfgan_kit.networks": ("layers", "sizes"),
    "tfgan_kit.optimizers": ("distribution",),
    "tfgan_kit.players": (),
    "tfgan_kit.updates": (),
    "tfgan_kit.updates.consensus": ("distribution",),
    "tfgan_kit.dynamics": ("batch", "inputs"),
    "tfgan_kit.sampling": ("data.pixels",),
    "tfgan_kit.latent_search": (),
    "tfgan_kit.tiling": ("data.pixels", "sizes"),
    "tfgan_kit.inputs": ("data.pixels", "sampling"),
    "tfgan_kit.distribution": (),
    "tfgan_kit.sharing": ("distribution",),
    "tfgan_kit.validation": (),
    "tfgan_kit.waiting": (),
    "tfgan_kit.batch": ("distribution",),
    "tfgan_kit.generative_model": ("inputs", "latent_search", "sampling"),
    "tfgan_kit.game": ("batch", "distribution", "generative_model", "inputs", "penalties", "players"),
    "tfgan_kit.gan": (
        "distribution", "game", "sharing", "waiting",
        "inputs", "objectives", "optimizers", "penalties", "players", "sampling", "updates", "validation",
    ),
    "tfgan_kit.metrics": ("data", "distribution", "divergences", "whole_files", "tfgan_kit_client.pictures"),
    "tfgan_kit.archive": (),
    "tfgan_kit.best": ("metrics.protocol",),
    "tfgan_kit.finite": (),
    "tfgan_kit.plain_json": (),
    "tfgan_kit.whole_files": ("plain_json",),
    "tfgan_kit.checkpoint": ("archive", "best", "finite", "gan", "plain_json", "whole_files"),
    "tfgan_kit.run_identity": ("checkpoint", "distribution", "processor"),
    "tfgan_kit.callbacks": (
        "best", "checkpoint", "data.pixels", "dynamics", "finite", "metrics", "tfgan_kit_client.pictures",
    ),
    "tfgan_kit.shards": ("sampling", "tfgan_kit_client.pictures", "whole_files"),
    "tfgan_kit.export": (
        "checkpoint", "data.pixels", "gan", "half_precision", "plain_json", "processor", "sampling", "tfgan_kit_client",
        "whole_files",
    ),
    "tfgan_kit.serving": ("export.batching", "export.session", "export.signatures"),
    "tfgan_kit.served": ("export.certificate", "export.comparison", "metrics.image_set", "tfgan_kit_client"),
    "tfgan_kit.load_steps": ("tfgan_kit_client",),
    "tfgan_kit.load_report": ("load_steps",),
    "tfgan_kit.presets": ("gan", "networks", "objectives", "penalties", "updates"),
    "tfgan_kit.command_line": ("checkpoint", "half_precision"),
    "tfgan_kit_client": (),
    **dict.fromkeys(COMMANDS - {"tfgan_kit_client.__main__"}, ANYTHING),
}


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {
    name_of(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))
}


def package_of(module):
    """What a module may import freely: the package that it lies in, or is."""
    if FILES[module].name == "__init__.py":
        return module
    return module.rpartition(".")[0]


def imports(module, everywhere=True):
    """Names that a file imports, `from a import b` as a.b where that is a module."""
    tree = ast.parse(FILES[module].read_text())
    found = set()
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in FILES else node.module)
    return found


def ours(module, everywhere=True):
    return {n for n in imports(module, everywhere) if n.split(".")[0] in PACKAGES}


def below(name, package):
    return name == package or name.startswith(package + ".")


def allowed(module):
    rule = max((key for key in ALLOWED if below(module, key)), key=len)
    if rule == "tfgan_kit" and module != "tfgan_kit":
        return None
    return tuple(
        name if name.split(".")[0] in PACKAGES else f"tfgan_kit.{name}" for name in ALLOWED[rule]
    )


@pytest.mark.parametrize("module", FILES)
def test_module_is_in_the_table(module):
    assert allowed(module) is not None, f"say in ALLOWED what {module} may import"


@pytest.mark.parametrize("module", FILES)
def test_module_imports_only_what_the_table_allows(module):
    own = package_of(module)
    free = (own,) if own not in PACKAGES or own == "tfgan_kit_client" else ()
    permitted = (*allowed(module), *free)
    refused = {
        name for name in ours(module)
        if not any(below(name, package) for package in permitted) and name != module
    }
    assert refused == set()


@pytest.mark.parametrize("module", FILES)
def test_no_module_imports_a_command_line(module):
    assert ours(module) & COMMANDS == set()


@pytest.mark.parametrize("module", [name for name in FILES if below(name, "tfgan_kit_client")])
def test_client_needs_no_tensorflow(module):
    first = {name.split(".")[0] for name in imports(module)}
    assert first & {"tensorflow", "keras", "tensorflow_serving", "tfgan_kit"} == set()


@pytest.mark.parametrize("module", [name for name in FILES if not below(name, "tfgan_kit.serving")])
def test_only_serving_imports_grpc_servicers(module):
    first = {name.split(".")[0] for name in imports(module)}
    allowed_here = {"tensorflow_serving"} if below(module, "tfgan_kit.export") else set()
    assert first & {"tensorflow_serving"} <= allowed_here


def test_no_import_cycle():
    """Modules sort topologically by what they import as they are loaded, packages left out."""
    graph = {module: ours(module, everywhere=False) - {module} for module in FILES}
    # `import a.b` loads a's __init__ too, but a package's own list of names is not a dependency
    # of the files it lists.
    left = {
        module: {n for n in names if n in FILES and not below(module, n)}
        for module, names in graph.items()
    }
    while ready := {module for module, names in left.items() if not names & left.keys()}:
        left = {module: names for module, names in left.items() if module not in ready}
    assert left == {}


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment}, timeout=120,
    )


@pytest.mark.thorough
@pytest.mark.parametrize(
    "code, forbidden",
    [
        ("import tfgan_kit", ["tensorflow_datasets", "tfgan_kit.serving", "torch"]),
        ("import tfgan_kit_client", ["tensorflow", "keras", "tfgan_kit", "tensorflow_serving"]),
    ],
)
def test_import_leaves_out_what_it_does_not_need(code, forbidden):
    done = run(f"{code}, sys; print(*[m for m in {forbidden} if m in sys.modules])")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


@pytest.mark.thorough
def test_another_keras_backend_is_a_clear_import_error():
    done = run("import tfgan_kit", KERAS_BACKEND="jax")
    assert done.returncode == 1
    assert "ImportError: tfgan_kit trains and exports with TensorFlow" in done.stderr
    assert "Unset KERAS_BACKEND" in done.stderr
    assert "Received: KERAS_BACKEND='jax'" in done.stderr
