"""Which versions a config serves: policies, labels, swaps without a gap."""

import threading

import grpc
import numpy as np
import pytest

from tests.integration.conformance.calls import FAILED, INVALID, NOT_FOUND, names, refused
from tests.integration.conformance.starts import model
from tests.serving import toy

SEED = {"seed": np.int64([1])}
UP = "AVAILABLE"


def _three(own):
    for number in (1, 2, 3):
        own.publish(number, scale=number)


POLICIES = {
    "none": ("", [3]),
    "latest two": ("latest { num_versions: 2 }", [3, 2]),
    "latest, more than there are": ("latest { num_versions: 9 }", [3, 2, 1]),
    "all": ("all {}", [3, 2, 1]),
    "specific two": ("specific { versions: 1 versions: 3 }", [3, 1]),
    "specific, one of them missing": ("specific { versions: 1 versions: 8 }", [1]),
}


@pytest.mark.parametrize("case", POLICIES)
def test_a_policy_serves_its_versions(own, case):
    policy, versions = POLICIES[case]
    _three(own)
    own.serve(policy)
    own.until(**{f"v{version}": UP for version in versions})
    assert [own.scale(version=version) for version in versions] == versions
    assert own.scale() == versions[0]  # without a number: the newest


def test_a_policy_rolls_back_and_forward(own):
    _three(own)
    own.serve()
    own.serve("specific { versions: 2 }")
    own.until(v3="END", v2=UP)
    assert own.scale() == 2
    own.serve()
    own.until(v3=UP, v2="END")
    assert own.scale() == 3


def test_rolling_back_by_policy_leaves_no_request_without_an_answer(own):
    _three(own)
    own.serve()
    with toy.callers(2, lambda k: own.scale()) as (answers, errors):
        for version in (2, 3, 2):
            own.serve(f"specific {{ versions: {version} }}")
            toy.until(lambda version=version: answers[-1:] == [version])
    assert not errors and set(answers) == {2, 3}


def test_a_specific_version_that_is_not_there_is_served_once_it_comes(own):
    _three(own)
    own.serve()
    own.serve("specific { versions: 9 }")
    own.until(v3="END")
    assert refused(own.server, SEED, name=own.name)[0] is NOT_FOUND
    own.publish(9, scale=2)
    toy.until(lambda: own.states().get(9) == UP)
    assert own.scale() == 2


def test_a_specific_version_that_does_not_load_leaves_the_one_that_serves(own):
    own.publish(3, scale=3)
    own.serve()
    (own.base_path / "2").mkdir()
    own.serve("specific { versions: 2 }")
    own.until(v3=UP, v2="END")
    assert own.scale() == 3


def test_a_label_names_a_version(own):
    _three(own)
    own.serve("all {}")
    own.until(v3=UP, v2=UP, v1=UP)
    own.serve("all {}", {"stable": 1, "canary": 3})
    assert (own.scale(label="stable"), own.scale(label="canary"), own.scale()) == (1, 3, 3)


def test_a_label_moves_and_goes(own):
    _three(own)
    own.serve("all {}")
    own.until(v3=UP, v2=UP, v1=UP)
    own.serve("all {}", {"stable": 1})
    own.serve("all {}", {"stable": 2})
    assert own.scale(label="stable") == 2
    own.serve("all {}")
    code, text = refused(own.server, SEED, name=own.name, label="stable")
    assert code is INVALID and names(text, "label stable")


def test_a_label_may_only_name_what_is_available_when_it_is_called(own):
    """So a config that adds a version and labels it is refused whole, and nothing is loaded."""
    own.publish(1)
    with pytest.raises(grpc.RpcError) as caught:
        own.serve("", {"stable": 1})
    assert caught.value.code() is FAILED and names(caught.value.details(), f"label version 1 {own.name}")
    assert refused(own.server, SEED, name=own.name)[0] is NOT_FOUND


def test_the_label_of_an_unloaded_version_is_not_found(own):
    own.publish(1)
    own.serve()
    own.serve("", {"stable": 1})
    own.publish(2, scale=2)
    own.until(v2=UP, v1="END")
    code, text = refused(own.server, SEED, name=own.name, label="stable")
    assert code is NOT_FOUND and names(text, f"{own.name} 1")


def test_two_models_do_not_mix(own, saved, tmp_path):
    own.publish(1, scale=2)
    other = tmp_path / "other"
    other.mkdir()
    toy.publish(saved[3], other, 5)
    own.server.reload(own.config(), model("other", other))
    assert refused(own.server, SEED, name=own.name, version=5)[0] is NOT_FOUND
    assert own.scale() == 2


def test_a_swap_under_load_has_no_gap_and_mixes_no_versions(own):
    own.publish(1)
    own.serve()
    with toy.callers(4, lambda k: own.scale()) as (answers, errors):
        toy.until(lambda: len(answers) > 20)
        own.publish(2, scale=2)
        own.until(v2=UP, v1="END")
        before = len(answers)
        toy.until(lambda: len(answers) > before + 20)
    assert not errors
    assert set(answers[:10]) == {1} and set(answers[-10:]) == {2} and set(answers) == {1, 2}


def test_a_call_that_runs_during_a_swap_is_answered_by_its_version(own):
    own.publish(1, "slow")
    own.serve()
    values = []
    call = threading.Thread(target=lambda: values.append(own.scale(signature="slow")))
    call.start()
    own.publish(2, scale=3)
    toy.until(lambda: own.states().get(2) == UP)
    assert own.scale() == 3
    call.join()
    assert values == [2]
    own.until(v2=UP, v1="END")
