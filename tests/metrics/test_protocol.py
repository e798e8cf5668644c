from tfgan_kit.metrics import compare, differences
from tfgan_kit.metrics.features.weight_files import INCEPTION
from tfgan_kit.metrics.protocol import result_name

import pytest


@pytest.mark.parametrize(
    "measure, extractor, count, name",
    [
        ("fd", "inception", 50_000, "fid50k"),
        ("fd", "inception", 10_000, "fd_inception_10k"),
        ("fd", "inception_clean", 50_000, "fd_inception_clean_50k"),
        ("kid", "inception", 50_000, "kid_inception_50k"),
        ("fd", "lite0", 10_000, "fd_lite0_10k"),
        ("fd", "domain", 1250, "fd_domain_1250"),
        ("swd", None, 1250, "swd"),
    ],
)
def test_only_the_fid_network_on_50000_images_is_fid50k(measure, extractor, count, name):
    assert result_name(measure, extractor, count, INCEPTION.sha256[:16]) == name


def test_another_network_of_that_name_is_no_fid():
    assert result_name("fd", "inception", 50_000, "0123456789abcdef") == "fd_inception_50k"


def _result(metric="fd_domain_100", value=1.0, **protocol):
    return {"metric": metric, "value": value, "protocol": {"seed": 0, "warnings": []} | protocol}


def test_values_of_one_protocol_have_a_difference():
    results = [_result(value=3.0), _result("swd", 7.0)]
    assert compare(results, [_result(value=5.0), _result("kid", 1.0)]) == {"fd_domain_100": -2.0}


def test_warnings_are_no_part_of_the_protocol():
    assert compare([_result(warnings=["small"])], [_result()]) == {"fd_domain_100": 0.0}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"seed": 1}, "seed: 0 and 1"),
        ({"resizer": "clean"}, "resizer: None and clean"),
        ({"extractor_hash": "b", "reference_count": 7}, "extractor_hash: None and b; reference_count: None and 7"),
    ],
)
def test_another_protocol_is_refused_and_the_difference_named(change, message):
    with pytest.raises(ValueError, match=message):
        compare([_result()], [_result(**change)])
    assert len(differences(_result()["protocol"], _result(**change)["protocol"])) == len(change)


def test_the_spelling_of_data_is_no_part_of_the_protocol():
    one, other = (_result(reference_source=f"npz:{path}", test_source=path) for path in ("a.npz", "/data/a.npz"))
    assert compare([one], [other]) == {"fd_domain_100": 0.0}


def test_values_of_other_counts_say_so_though_their_names_differ():
    one, other = (_result(f"fd_domain_{n}", generated_count=n) | {"measure": "fd"} for n in (100, 200))
    with pytest.raises(ValueError, match="no metric in common.*generated_count: 100 and 200"):
        compare([one], [other])


def test_nothing_in_common_is_refused():
    with pytest.raises(ValueError, match="no metric in common.*fd_domain_100.*fd_domain_200"):
        compare([_result()], [_result("fd_domain_200")])
