"""`--check`: a published version is what was exported, and a server answers as it does."""

import json
import os
import shutil

import tfgan_kit as gk
from tfgan_kit.export import ExportProfile
from tfgan_kit.export import contract as names
from tfgan_kit.export.lineage import check_lineage, checksums, write_lineage
from tfgan_kit.export.verify.check import check_version
from tfgan_kit.export.verify.comparison import as_numbers
from tfgan_kit.export.verify.served import check_served
from tfgan_kit.serving import BatchingParameters, ModelServer, ServerOptions

import numpy as np
import pytest
import tensorflow as tf
import trustme

from tests.twins import twins
from tfgan_kit_client import TLS


@pytest.fixture
def version(published, tmp_path):
    """A copy of the published version 1, to be damaged."""
    return shutil.copytree(published, tmp_path / "digits" / "1")


@pytest.fixture(scope="module")
def other(conditional_gan, tmp_path_factory):
    """The same network with other weights, as version 1 of another folder."""
    generator = gk.networks.DCGANGenerator(14, 1, latent_dim=4, width=4, num_classes=3)
    weights = conditional_gan.ema_generator.get_weights()
    generator.set_weights([8.0 * w if w.ndim == 4 else w for w in weights])  # stronger contrast
    gan = gk.GAN(generator, conditional_gan.discriminator)
    return gk.export_generator(gan, tmp_path_factory.mktemp("other") / "digits", discriminate=True)


@pytest.mark.thorough
def test_a_version_answers_byte_for_byte_as_it_did(published):
    checked = check_version(published)
    assert checked.lineage["lineage"] == {"step": 7}
    assert set(checked.answers) == set(checked.lineage["signatures"])
    assert all(count == equal > 0 and apart == 0 for count, equal, apart in checked.answers.values())


@pytest.mark.thorough
def test_of_a_model_the_newest_version_is_checked(published):
    assert check_version(published.parent).version == published


@pytest.mark.thorough
@pytest.mark.parametrize(
    "name",
    [
        "variables/variables.data-00000-of-00001",
        "saved_model.pb",
        "assets.extra/tf_serving_warmup_requests",
        "assets.extra/tfgan_kit_answers.json",
        "batching_params.pbtxt",
    ],
)
@pytest.mark.parametrize("damage", ["flip", "delete"])
def test_a_flipped_byte_or_a_missing_file_is_named(version, name, damage):
    path = version / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    if damage == "flip":
        path.write_bytes(content)
    with pytest.raises(ValueError, match=name):
        check_version(version)


@pytest.mark.thorough
def test_a_file_that_was_added_is_named(version):
    (version / "assets.extra" / "saved_model_config.pb").write_bytes(b"\x00")
    with pytest.raises(ValueError, match="did not write.*saved_model_config.pb"):
        check_version(version)


@pytest.mark.slow
@pytest.mark.thorough
def test_other_weights_under_matching_checksums_do_not_answer_alike(version, other):
    """What the checksums cannot tell: the recorded answers are still those of the first model."""
    for name in ("saved_model.pb", "variables", "fingerprint.pb"):
        target = version / name
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        copy = shutil.copytree if target.suffix == "" else shutil.copy
        copy(other / name, target)
    rewrite_lineage(version, files=lambda _: checksums(version))
    with pytest.raises(ValueError, match="does not answer as it did when it was exported"):
        check_version(version)


def rewrite_lineage(version, **changes):
    """As another exporter would have written it, checksum and all."""
    lineage = check_lineage(version)
    write_lineage(version, lineage | {key: change(lineage[key]) for key, change in changes.items()})


def lineage_file(version):
    return version / names.EXTRA_ASSETS / names.LINEAGE_FILE


@pytest.mark.thorough
def test_a_version_of_another_contract_is_said_to_be_one(version):
    rewrite_lineage(version, contract_version=lambda _: 99)
    with pytest.raises(ValueError, match="Another release of tfgan_kit.*contract version 99"):
        check_version(version)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "path",
    [
        "contract_version",
        "created",
        "versions/keras",
        "signatures",
        "precision",
        "max_batch",
        "model",
        "model/latent_dim",
        "lineage/step",
        "optimization",
        "certificate",
        "certificate/generate/rows",
        "files",
        "files/saved_model.pb/sha256",
        "lineage_sha256",
    ],
)
@pytest.mark.parametrize("damage", ["drop", "change"])
def test_no_field_of_a_lineage_can_change(version, path, damage):
    lineage = inner = json.loads(lineage_file(version).read_text())
    *above, last = path.split("/", 2)
    for key in above:
        inner = inner[key]
    value = inner.pop(last)
    lineage_file(version).write_text(json.dumps(lineage))
    if damage == "change":
        inner[last] = [value]
        lineage_file(version).write_text(json.dumps(lineage))
    with pytest.raises(ValueError, match=f"Received: .*{names.LINEAGE_FILE}"):
        check_version(version)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "content, message",
    [
        (b"{", "no readable lineage"),
        (b"\xff\xfe{}", "no readable lineage"),
        (b"[" * 100_000, "no readable lineage"),
        (b"[]", "lacks its own checksum"),
        (b"null", "lacks its own checksum"),
        (b'"lineage_sha256"', "lacks its own checksum"),
        (b'{"files": {}}', "an older tfgan_kit made"),
        (b'{"lineage_sha256": [1]}', "is not what the export wrote"),
    ],
)
def test_a_damaged_lineage_file_is_said(version, content, message):
    lineage_file(version).write_bytes(content)
    with pytest.raises(ValueError, match=f"{message}.*Received: .*{names.LINEAGE_FILE}"):
        check_version(version)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "name, target",
    [
        ("stray", "/nonexistent"),
        ("stray", "variables"),
        ("saved_model.pb", None),
        ("variables", None),
        ("assets.extra", None),
        ("assets.extra/tfgan_kit.json", None),
        ("fifo", None),
    ],
)
def test_a_link_is_named_even_where_it_leads_to_the_same_bytes(version, published, name, target):
    path = version / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if name == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(target or published / name)
    with pytest.raises(ValueError, match=f"holds a link.*Received: {name}"):
        check_version(version)


@pytest.mark.parametrize("make", [lambda path: path / "nowhere", lambda path: path])
def test_a_folder_without_versions_is_said(make, tmp_path):
    with pytest.raises(ValueError, match="no version of a model"):
        check_version(make(tmp_path))


def serve(folder, **arguments):
    return ModelServer(folder, "digits", port=0, grpc_max_threads=16, **arguments)


@pytest.mark.thorough
@twins("batching", [None, BatchingParameters(max_batch_size=16)])
def test_a_server_of_the_version_answers_alike(published, batching):
    with serve(published.parent, batching=batching) as server:
        found = check_served(check_version(published), f"localhost:{server.port}")
    assert set(found) == set(check_version(published).lineage["signatures"])
    assert all(rows > 30 for rows, _ in found.values())


@pytest.fixture
def authority(tmp_path):
    """A folder of PEM files, and the ssl config of a server that they fit."""
    ca = trustme.CA()
    certificate = ca.issue_cert("127.0.0.1")
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    fields = {"server_key": certificate.private_key_pem, "server_cert": certificate.cert_chain_pems[0]}
    lines = [f"{name}: {json.dumps(pem.bytes().decode())}\n" for name, pem in fields.items()]
    (tmp_path / "ssl.config").write_text("".join(lines))
    return tmp_path


@pytest.mark.thorough
def test_a_server_with_tls_is_checked_by_its_authority(published, authority):
    checked, options = check_version(published), ServerOptions(ssl_config_file=str(authority / "ssl.config"))
    with serve(published.parent, options=options) as server:
        target = f"127.0.0.1:{server.port}"
        found = check_served(checked, target, tls=TLS(str(authority / "ca.pem")))
        assert set(found) == set(checked.lineage["signatures"])
        with pytest.raises(ValueError, match="If it speaks TLS, give its authority"):
            check_served(checked, target)


@pytest.mark.thorough
def test_another_model_behind_the_port_is_found_out(published, other):
    with serve(other.parent) as server, pytest.raises(ValueError, match="another model.* off by"):
        check_served(check_version(published), f"localhost:{server.port}")


@pytest.mark.thorough
def test_a_model_of_other_signatures_is_found_out(published, plain_generator, tmp_path):
    profile = ExportProfile(signatures=(names.SERVING_DEFAULT,))
    plain = gk.export_generator(plain_generator, tmp_path / "digits", output_range=(0.0, 1.0), profile=profile)
    with serve(plain.parent) as server, pytest.raises(ValueError, match="off by inf|not take|not run"):
        check_served(check_version(published), f"localhost:{server.port}")


@pytest.mark.thorough
def test_the_version_that_is_served_is_named_when_it_is_another(published, tmp_path):
    shutil.copytree(published, tmp_path / "digits" / "4")
    with (
        serve(tmp_path / "digits") as server,
        pytest.raises(ValueError, match="Received: version 1; AVAILABLE there: 4"),
    ):
        check_served(check_version(published), f"localhost:{server.port}")


@pytest.mark.thorough
@pytest.mark.parametrize(
    "arguments, message",
    [(("localhost:1",), "no server answers at localhost:1"), ((None, "flowers"), "has no model 'flowers'")],
)
def test_no_server_or_no_such_model_is_said(published, arguments, message):
    with serve(published.parent) as server:
        target, *name = arguments
        with pytest.raises(ValueError, match=message):
            check_served(check_version(published), target or f"localhost:{server.port}", *name)


def test_a_picture_is_compared_by_its_pixels():
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    encoded = [tf.io.encode_png(image, compression=level).numpy() for level in (0, 9)]
    assert encoded[0] != encoded[1]
    one, other = as_numbers("png_bytes", np.array(encoded, object))
    np.testing.assert_array_equal(one, other)
