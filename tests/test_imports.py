"""Who may import whom (DESIGN.md, section 2), read off every file with `ast`."""

import ast
import os
import pathlib
import subprocess
import sys

from tfgan_kit.internals import start_up

import pytest

ROOT = pathlib.Path(__file__).parent.parent
PACKAGES = ("tfgan_kit", "tfgan_kit_client")

# Who may import whom, one row a package; every package may import what lies in it. A name allows all
# below it. `docs/architecture.md` draws the same.
FLOOR = ("internals", "pixels", "files", "ranges", "processor")
FIRST = ("augment", "distribution", "layers", "objectives", "penalties")
SECOND = ("data", "divergences", "generation", "networks")
THIRD = ("metrics", "training")
FOURTH = ("dynamics", "presets", "runs")
ALLOWED = {
    **dict.fromkeys(FLOOR, FLOOR),
    "files": ("tfgan_kit_client.files",),
    **dict.fromkeys(FIRST, FLOOR),
    "networks": FLOOR + FIRST,
    "data": FLOOR + FIRST,
    "divergences": (*FLOOR, *FIRST, "tfgan_kit_client.pictures"),
    "generation": (*FLOOR, *FIRST, "tfgan_kit_client"),
    "training": (*FLOOR, *FIRST, *SECOND, "tfgan_kit_client.pictures"),
    "metrics": (*FLOOR, *FIRST, *SECOND, "convert.pytorch_file", "tfgan_kit_client"),
    "convert": (*FLOOR, *FIRST, "networks"),
    "presets": (*FLOOR, *FIRST, *SECOND, *THIRD, "runs"),
    "dynamics": FLOOR + FIRST + SECOND + THIRD,
    "runs": (*FLOOR, *FIRST, *SECOND, *THIRD, "tfgan_kit_client"),
    "callbacks": (*FLOOR, *FIRST, *SECOND, *THIRD, *FOURTH, "tfgan_kit_client"),
    "export": (*FLOOR, *FIRST, *SECOND, *THIRD, *FOURTH, "tfgan_kit_client"),
    "serving": ("export.batching", "export.contract", "export.session", "internals"),
}
# The modules that `python -m` runs, and what they may import to parse their flags: it needs no TensorFlow.
VERBS = {"train", "generate", "evaluate", "compare", "divergence", "prepare", "demo"}
PARSING = {f"tfgan_kit.{verb}" for verb in VERBS} | {
    f"tfgan_kit.{package}.__main__" for package in ("convert", "export", "serving")
}
TO_PARSE = ("choices", "command_line", "convert.load", "export.contract", "serving.options")
COMMANDS = PARSING | {"tfgan_kit_client.load.__main__"}
ABOVE_ALL = {"tfgan_kit", "tfgan_kit.choices", "tfgan_kit.command_line"} | COMMANDS


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}
WORK = {name for name in FILES if name.startswith("tfgan_kit.commands")}  # what the commands do: it imports anything


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


def package_of(module):
    """The row of a module: what follows `tfgan_kit.`; the client is one package."""
    first, _, rest = module.partition(".")
    return first if first == "tfgan_kit_client" else rest.partition(".")[0]


def permitted(module):
    package = package_of(module)
    if package == "tfgan_kit_client":
        return ("tfgan_kit_client",)
    names = [f"tfgan_kit.{package}", *ALLOWED[package]]
    return tuple(name if name.split(".")[0] in PACKAGES else f"tfgan_kit.{name}" for name in names)


def test_every_package_has_a_row():
    packages = {package_of(module) for module in FILES.keys() - ABOVE_ALL - WORK}
    assert packages - {"tfgan_kit_client"} <= ALLOWED.keys()


def test_at_most_six_modules_lie_loose_at_the_top():
    loose = {path.stem for path in (ROOT / "tfgan_kit").glob("*.py")} - VERBS - {"__init__"}
    assert len(loose) <= 6, loose


def test_modules_import_only_what_their_row_allows():
    refused = {
        module: wrong
        for module in FILES.keys() - ABOVE_ALL - WORK
        if (wrong := {name for name in ours(module) if not any(below(name, row) for row in permitted(module))})
    }
    assert refused == {}


def test_no_module_imports_a_command():
    commands = {name for name in FILES if name in COMMANDS or name.endswith(".__main__")}
    assert {module: found for module in FILES if (found := ours(module) & commands)} == {}
    assert {module: found for module in FILES.keys() - WORK if (found := ours(module) & WORK)} == {}


def test_what_parses_flags_imports_nothing_that_needs_tensorflow():
    light = (*(f"tfgan_kit.{name}" for name in TO_PARSE), "tfgan_kit_client")
    wrong = {module: {n for n in ours(module) if not any(below(n, row) for row in light)} for module in PARSING}
    assert {module: names for module, names in wrong.items() if names} == {}


def test_every_command_is_known_as_one_before_it_is_found():
    assert {f"tfgan_kit.{name}" for name in start_up.COMMANDS} == {m.removesuffix(".__main__") for m in PARSING}


def outside(module):
    return {name.split(".")[0] for name in imports(module)}


def test_the_client_needs_no_tensorflow():
    heavy = {"tensorflow", "keras", "tensorflow_serving", "tfgan_kit"}
    client = [module for module in FILES if below(module, "tfgan_kit_client")]
    assert {module: found for module in client if (found := outside(module) & heavy)} == {}


def test_only_serving_and_export_import_tensorflow_serving():
    others = [m for m in FILES if not below(m, "tfgan_kit.serving") and not below(m, "tfgan_kit.export")]
    assert [module for module in others if "tensorflow_serving" in outside(module)] == []


def test_no_import_cycle():
    """Modules sort topologically by what they import as they are loaded, packages left out."""
    graph = {module: ours(module, everywhere=False) - {module} for module in FILES}
    # `import a.b` loads a's __init__ too, but a package's own list of names is not a dependency
    # of the files it lists.
    left = {module: {n for n in names if n in FILES and not below(module, n)} for module, names in graph.items()}
    while ready := {module for module, names in left.items() if not names & left.keys()}:
        left = {module: names for module, names in left.items() if module not in ready}
    assert left == {}


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        timeout=120,
    )


def registered(module):
    """The names under which a file registers its classes with Keras."""
    for node in ast.walk(ast.parse(FILES[module].read_text())):
        for decorator in node.decorator_list if isinstance(node, ast.ClassDef) else ():
            if ast.unparse(decorator) == "keras.saving.register_keras_serializable('tfgan_kit')":
                yield f"tfgan_kit>{node.name}"


@pytest.mark.thorough
def test_an_import_registers_every_class_with_keras_and_leaves_out_what_it_does_not_need(fresh_import):
    (known,) = [set(line.split()) for line in fresh_import.stdout.splitlines() if line.startswith("known: ")]
    assert not known & {"tensorflow_datasets", "tfgan_kit.serving", "tfgan_kit.commands", "torch"}
    classes = {module: set(registered(module)) for module in FILES}
    assert {module: unknown for module, names in classes.items() if (unknown := names - known)} == {}
    assert {"tfgan_kit>DCGANGenerator", "tfgan_kit>R1", "tfgan_kit>GAN"} <= known


@pytest.mark.thorough
def test_the_client_is_imported_without_tensorflow():
    done = run("import tfgan_kit_client, sys; print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    assert not {"tensorflow", "keras", "tfgan_kit", "tensorflow_serving"} & set(done.stdout.split())


@pytest.mark.thorough
def test_another_keras_backend_is_a_clear_import_error():
    done = run("import tfgan_kit", KERAS_BACKEND="jax")
    assert done.returncode == 1
    assert "ImportError: tfgan_kit trains and exports with TensorFlow" in done.stderr
    assert "Unset KERAS_BACKEND" in done.stderr
    assert "Received: KERAS_BACKEND='jax'" in done.stderr
