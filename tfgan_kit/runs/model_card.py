"""A run's model card: its data, its figures with their protocol, its licence, what it is meant for."""

from tfgan_kit.runs.checkpoints import load_gan
from tfgan_kit.runs.run import Run
from tfgan_kit.training.preset_files import card_of, facts_of


def model_card(run_dir, licence, intended_use=None, name=None):
    """The card of a run's GAN, for `GAN.save_to_preset`.

    Args:
        run_dir: the run's folder.
        licence: str, an identifier of https://hf.co/docs/hub/repositories-licenses, such as "mit".
        intended_use: str, one or more sentences; None says that nothing is stated.
        name: str; None is the folder's.

    Returns:
        str, Markdown with a head of YAML.

    Example::

        gan = gk.load_gan("runs/digits")
        gan.save_to_preset("presets/digits", model_card("runs/digits", "mit", "Digits for tests of servers."))
    """
    run = Run(run_dir)
    gan = load_gan(run_dir)
    return card_of(name or run.path.name, licence, [*facts_of(gan), *_made_of(run)], _figures(run), intended_use)


def _made_of(run):
    config = run.read_config() or {}
    data, versions = config.get("dataset", {}), config.get("versions", {})
    flags = config.get("flags", {})
    if data:
        shape = " x ".join(map(str, data["image_shape"]))
        yield f"Trained on {data['num_images']:,} samples of {shape} of `{data['name']}`, {data['fingerprint'][:12]}."
    if flags.get("preset"):
        yield f"Preset `{flags['preset']}`, seed {flags.get('seed')}."
    if versions:
        named = ", ".join(f"{name} {version}" for name, version in versions.items())
        yield f"Made by {named}, commit {config.get('git_commit')}."


def _figures(run):
    """Rows of Markdown: of each metric the newest value, and how it was measured."""
    newest = {line["metric"]: line for line in run.read_metrics() if isinstance(line["protocol"], dict)}
    if not newest:
        return []
    rows = [_row(line) for line in newest.values()]
    return ["| metric | value | step | generated / reference images | data |", "| --- | --- | --- | --- | --- |", *rows]


def _row(line):
    protocol = line["protocol"]
    counts = f"{protocol.get('generated_count')} / {protocol.get('reference_count')}"
    data = f"{protocol.get('reference_source')}, seed {protocol.get('seed')}"
    return f"| {line['metric']} | {line['value']:.4g} | {line['step']} | {counts} | {data} |"
