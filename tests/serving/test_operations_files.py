"""The operator's files in `serving/`: each is parsed by its real format, and they agree with each other."""

import dataclasses
import json
import pathlib
import re
import subprocess
import sys

from tfgan_kit import processor
from tfgan_kit.export.batching import batching_text
from tfgan_kit.serving import config_files
from tfgan_kit.serving.prometheus import Monitor

import kubernetes_validate
import promql_parser
import pytest
import yaml

from tests.serving import promql

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "serving"
[MODEL] = config_files.read_model_config(FOLDER / "models.config").model_config_list.config
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
DEPLOYMENT, SERVICE = yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text())
PROMETHEUS = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
RULES = [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
POD = DEPLOYMENT["spec"]["template"]["spec"]
[CONTAINER] = POD["containers"]
ARGUMENTS = {"compose": COMPOSE["services"]["serving"]["command"], "kubernetes": CONTAINER["args"]}
BATCHING = config_files.read_batching_parameters(FOLDER / "batching.config")
MONITORING = config_files.read_monitoring_config(FOLDER / "monitoring.config")
# main.cc of tensorflow_model_server r2.20: the flags that these files use.
SERVER_FLAGS = {
    "port",
    "rest_api_port",
    "rest_api_num_threads",
    "grpc_max_threads",
    "enable_batching",
    "batching_parameters_file",
    "monitoring_config_file",
    "model_config_file",
    "model_config_file_poll_wait_seconds",
    "allow_version_labels_for_unavailable_models",
    "tensorflow_intra_op_parallelism",
    "tensorflow_inter_op_parallelism",
}


def flags(where):
    """Name to text of a server's arguments; a switch is True."""
    split = (argument.removeprefix("--").partition("=") for argument in ARGUMENTS[where])
    return {name: value if sign else True for name, sign, value in split}


# Configurations of the server


def test_models_config_serves_the_newest_version_of_an_absolute_path():
    assert MODEL.model_platform == "tensorflow"
    assert pathlib.PurePosixPath(MODEL.base_path).is_absolute()
    assert MODEL.model_version_policy.latest.num_versions == 1


def test_batching_config_is_what_an_export_of_its_size_writes_but_for_the_threads(tmp_path):
    (tmp_path / "written.config").write_text(batching_text(BATCHING.max_batch_size))
    written = config_files.read_batching_parameters(tmp_path / "written.config")
    assert dataclasses.replace(written, num_batch_threads=BATCHING.num_batch_threads) == BATCHING


def test_the_tls_example_names_every_part_and_holds_no_key():
    example = config_files.read_ssl_config(FOLDER / "ssl.config")
    for part in (example.server_key, example.server_cert, example.custom_ca):
        lines = part.splitlines()
        assert lines[0].startswith("-----BEGIN") and lines[1] == "..." and lines[2].startswith("-----END")
    assert example.client_verify


# Start lines


@pytest.mark.parametrize("where", ARGUMENTS)
def test_start_lines_use_flags_of_tensorflow_model_server(where):
    assert flags(where).keys() <= SERVER_FLAGS


@pytest.mark.parametrize("where", ARGUMENTS)
@pytest.mark.parametrize("threads", ["grpc_max_threads", "rest_api_num_threads"])
def test_threads_are_at_least_twice_the_largest_batch(where, threads):
    assert int(flags(where)[threads]) >= 2 * BATCHING.max_batch_size


@pytest.mark.parametrize("where", ARGUMENTS)
@pytest.mark.parametrize("flag", ["model_config_file", "batching_parameters_file", "monitoring_config_file"])
def test_files_named_at_the_start_are_files_of_this_folder(where, flag):
    path = pathlib.PurePosixPath(flags(where)[flag])
    assert path.parent == pathlib.PurePosixPath("/config") and (FOLDER / path.name).is_file()


def test_both_deployments_start_the_same_image_with_the_same_files():
    assert CONTAINER["image"] == COMPOSE["services"]["serving"]["image"]
    only_there = {"tensorflow_intra_op_parallelism", "tensorflow_inter_op_parallelism"}
    there = {name: value for name, value in flags("kubernetes").items() if name not in only_there}
    assert there == flags("compose")


def test_both_deployments_switch_onednn_on():
    """TensorFlow leaves its kernels off on processors without AVX-512."""
    assert COMPOSE["services"]["serving"]["environment"] == {processor.ONEDNN: "1"}
    assert CONTAINER["env"] == [{"name": processor.ONEDNN, "value": "1"}]


# Compose


def test_compose_file_is_of_the_compose_specification():
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", FOLDER / "compose.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("service", COMPOSE["services"])
def test_compose_publishes_to_this_machine_only(service):
    assert all(port.startswith("127.0.0.1:") for port in COMPOSE["services"][service]["ports"])


@pytest.mark.parametrize("service", COMPOSE["services"])
def test_compose_mounts_what_is_there_read_only(service):
    mounts = [volume.rsplit(":", 2) for volume in COMPOSE["services"][service]["volumes"]]
    binds = [mount for mount in mounts if mount[0].startswith(".")]
    assert binds and all((FOLDER / source).exists() and mode == "ro" for source, _, mode in binds)


def test_compose_mounts_the_models_where_models_config_looks():
    targets = [volume.rsplit(":", 2)[1] for volume in COMPOSE["services"]["serving"]["volumes"]]
    assert str(pathlib.PurePosixPath(MODEL.base_path).parent) in targets and "/config" in targets


# Kubernetes


@pytest.mark.parametrize("manifest", [DEPLOYMENT, SERVICE], ids=lambda manifest: manifest["kind"])
def test_manifests_are_of_kubernetes_own_schema(manifest):
    kubernetes_validate.validate(manifest, "1.35", strict=True)


def test_deployment_and_service_select_the_pods_they_mean():
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    assert DEPLOYMENT["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert SERVICE["spec"]["selector"].items() <= labels.items()
    named = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
    assert {port["targetPort"]: port["port"] for port in SERVICE["spec"]["ports"]} == named
    assert named == {"grpc": int(flags("kubernetes")["port"]), "rest": int(flags("kubernetes")["rest_api_port"])}


def test_the_config_map_holds_every_file_that_the_pod_names():
    [config_map] = KUSTOMIZATION["configMapGenerator"]
    [volume] = [volume for volume in POD["volumes"] if "configMap" in volume]
    assert volume["configMap"]["name"] == config_map["name"]
    assert all((FOLDER / name).is_file() for name in config_map["files"] + KUSTOMIZATION["resources"])
    named = json.dumps(CONTAINER).split("/config/")[1:]
    assert {text.split('"')[0] for text in named} == set(config_map["files"])


@pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe"])
def test_probes_look_for_available_with_the_tested_script(probe):
    assert CONTAINER[probe]["exec"]["command"] == ["bash", "/config/available.sh", MODEL.name]
    assert CONTAINER[probe]["timeoutSeconds"] > 5  # the script's own limit: it prints the reason


def test_compose_asks_the_same_probe():
    assert COMPOSE["services"]["serving"]["healthcheck"]["test"][1:] == ["bash", "/config/available.sh", MODEL.name]


def test_startup_waits_longer_than_the_servers_own_retries_of_a_load():
    probe = CONTAINER["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] > 5 * 60  # max_num_load_retries, a minute apart


def test_volumes_are_mounted_where_the_configurations_look_and_cannot_be_written():
    mounts = {mount["mountPath"]: mount for mount in CONTAINER["volumeMounts"]}
    models, config = mounts[str(pathlib.PurePosixPath(MODEL.base_path).parent)], mounts["/config"]
    assert models["readOnly"] and config["readOnly"] and "subPath" not in config
    assert {mount["name"] for mount in mounts.values()} == {volume["name"] for volume in POD["volumes"]}


def test_the_pod_may_do_nothing_but_serve():
    own, pods = CONTAINER["securityContext"], POD["securityContext"]
    assert pods["runAsNonRoot"] and pods["runAsUser"] > 0 and not POD["automountServiceAccountToken"]
    assert not own["allowPrivilegeEscalation"] and own["readOnlyRootFilesystem"]
    assert own["capabilities"]["drop"] == ["ALL"] and pods["seccompProfile"]["type"] == "RuntimeDefault"


def test_the_pod_ends_after_its_balancers_have_heard():
    wait = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
    assert POD["terminationGracePeriodSeconds"] > wait


# Prometheus


def selectors(expression):
    """The series that a parsed PromQL expression reads."""
    if isinstance(expression, promql_parser.VectorSelector):
        return [expression]
    if isinstance(expression, promql_parser.MatrixSelector):
        return [expression.vector_selector]
    parts = [getattr(expression, part, None) for part in ("lhs", "rhs", "expr")] + list(getattr(expression, "args", []))
    return [selector for part in parts if part is not None for selector in selectors(part)]


@pytest.fixture(scope="module")
def exposed():
    """Label names by series, of a server that loaded a version, was asked, and answered well and badly."""
    monitor = Monitor()
    monitor.load("/models/digits/1", "success", 1.0)
    monitor.warmup("/models/digits/1", "OK", 24, 1.0)
    for status in ("OK", "INTERNAL"):
        monitor.request("digits", "Predict", "GRPC", status, 0.001)
    monitor.runtime("digits", "Predict", 0.001)
    samples = re.findall(r"^([^#\s]\S*){(.*)} ", monitor.page(), re.MULTILINE)
    return {name: set(re.findall(r'(\w+)="', labels)) for name, labels in samples}


def test_prometheus_reads_the_path_that_monitoring_config_opens():
    [job] = PROMETHEUS["scrape_configs"]
    assert job["metrics_path"] == MONITORING.prometheus_config.path and MONITORING.prometheus_config.enable
    assert DEPLOYMENT["spec"]["template"]["metadata"]["annotations"]["prometheus.io/path"] == job["metrics_path"]
    [target] = job["static_configs"][0]["targets"]
    assert target == f"serving:{flags('compose')['rest_api_port']}" and "serving" in COMPOSE["services"]


def test_prometheus_loads_the_rules_that_compose_mounts_beside_it():
    assert PROMETHEUS["rule_files"] == ["alerts.yml"]
    assert "./alerts.yml:/etc/prometheus/alerts.yml:ro" in COMPOSE["services"]["prometheus"]["volumes"]


@pytest.mark.parametrize("rule", RULES[1:], ids=lambda rule: rule["alert"])
def test_alerts_read_series_that_the_server_counts_by_labels_that_they_have(rule, exposed):
    read = selectors(promql_parser.parse(rule["expr"]))
    assert read
    assert all({matcher.name for matcher in one.matchers.matchers} <= exposed[one.name] for one in read)


def test_the_alert_of_a_dead_server_names_the_job_that_prometheus_has():
    [up] = selectors(promql_parser.parse(RULES[0]["expr"]))
    [matcher] = up.matchers.matchers
    assert (up.name, matcher.value) == ("up", PROMETHEUS["scrape_configs"][0]["job_name"])


# Pages of TensorFlow Serving (see fixtures/README.md) and of the embedded server, a minute apart
GOOD, HALF_COPIED = (
    promql.samples((pathlib.Path(__file__).parent / "fixtures" / f"metrics_{name}.txt").read_text())
    for name in ("good", "half_copied_version_8")
)
REFUSED = promql_parser.parse({rule["alert"]: rule for rule in RULES}["VersionRefused"]["expr"])


def _loads(*loads):
    """The embedded server's page: (version, status of its load, status of its warmup or None)."""
    monitor = Monitor()
    for version, status, warmup in loads:
        monitor.load(f"/models/digits/{version}", status, 0.1)
        if warmup:
            monitor.warmup(f"/models/digits/{version}", warmup, 24, 0.6)
    return promql.samples(monitor.page())


FIRST = (1, "success", "OK")
# What the pages show, and the versions that the alert names
SCRAPED = {
    "a good start": ([GOOD], set()),
    "a good version for hours": ([GOOD] * 60, set()),
    "a half-copied one": ([GOOD] * 20 + [HALF_COPIED], {8}),
    "a half-copied one, still": ([GOOD] * 20 + [HALF_COPIED] * 10, {8}),
    "a half-copied one, 20 minutes later": ([GOOD] * 20 + [HALF_COPIED] * 20, set()),
    "a load that failed, once": ([_loads(FIRST)] * 20 + [_loads(FIRST, (2, "fail", None))] * 5, {2}),
    "a warmup that failed": ([_loads(FIRST)] * 20 + [_loads(FIRST, (2, "success", "INVALID_ARGUMENT"))] * 5, {2}),
    "a second try that succeeded": (
        [_loads(FIRST, (2, "fail", None))] * 5 + [_loads(FIRST, (2, "fail", None), (2, "success", "OK"))], set(),
    ),
    "a rollout": ([_loads(FIRST)] * 20 + [_loads(FIRST, (2, "success", "OK"))] * 5, set()),
}  # fmt: skip


@pytest.mark.parametrize("case", SCRAPED)
def test_an_alert_names_every_version_that_was_not_loaded_whole(case):
    pages, versions = SCRAPED[case]
    timed = [(60.0 * minute, page) for minute, page in enumerate(pages)]
    found = promql.evaluate(REFUSED, timed, timed[-1][0])
    assert {dict(labels)["model_path"] for labels in found} == {f"/models/digits/{version}" for version in versions}
