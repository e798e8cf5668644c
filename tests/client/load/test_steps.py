"""What a step of load measures, against servers whose speed and refusals are known."""

import grpc
import numpy as np
import pytest

from tests.client.servers import Scripted, free_port, serving
from tfgan_kit_client.contract import Signature, Tensor
from tfgan_kit_client.load.report import draw, last_met, record, row
from tfgan_kit_client.load.steps import Step, Traffic, closed_loop, open_loop, poisson

SEED = Tensor("seed", "int64", (None,))
IMAGES = {"images": Tensor("images", "uint8", (None, 8, 8, 1))}
DEFAULT = Signature("serving_default", {"seed": SEED}, IMAGES)


def traffic(port, timeout=5.0, rows=2):
    return Traffic(f"127.0.0.1:{port}", "toy", DEFAULT, rows, timeout)


def step(load=1, latencies=(), errors=None, loop="closed"):
    return Step(loop, load, 1, 1.0, np.sort(np.float64(latencies)), errors or {})


def test_poisson_moments_have_the_rate_and_exponential_gaps():
    moments = poisson(200, 100, seed=0)
    assert abs(len(moments) - 20_000) < 5 * np.sqrt(20_000)
    gaps = np.diff(moments)
    # An exponential variable's standard deviation is its mean; regular gaps would have none.
    assert abs(gaps.std() / gaps.mean() - 1) < 0.05
    assert abs((gaps > 1 / 200).mean() - np.exp(-1)) < 0.02
    assert moments.min() >= 0 and moments.max() < 100
    np.testing.assert_array_equal(moments, poisson(200, 100, seed=0))
    assert not np.array_equal(moments, poisson(200, 100, seed=1))


@pytest.mark.thorough
def test_a_closed_loop_counts_every_request_and_its_time():
    handler = Scripted(seconds=0.05)
    with serving(handler) as port:
        done = closed_loop(traffic(port), 4, 1.0)
    assert len(done.latencies) == len(handler.times)
    assert done.errors == {}
    assert done.latencies.min() >= 0.05
    assert 20 < len(done.latencies) <= 84  # 4 callers, 20 a second each, and their last ones
    assert done.images_per_second == pytest.approx(2 * len(done.latencies) / done.seconds)


@pytest.mark.thorough
@pytest.mark.parametrize("code", [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE])
@pytest.mark.parametrize("loop", [closed_loop, open_loop])
def test_no_request_is_tried_again_and_errors_are_counted_by_code(loop, code):
    handler = Scripted(*[(code, "not now")] * 7)
    with serving(handler) as port:
        done = loop(traffic(port), {closed_loop: 2, open_loop: 60}[loop], 0.5)
    assert done.errors == {code.name: 7} and done.words == {code.name: "not now"}
    assert len(done.latencies) == len(handler.times) - 7


@pytest.mark.thorough
def test_a_server_that_is_away_is_errors_not_a_crash():
    done = open_loop(traffic(free_port(), timeout=1.0), 20, 0.5)
    assert set(done.errors) == {"UNAVAILABLE"} and len(done.latencies) == 0
    assert np.isnan(done.milliseconds["p50"])
    assert not done.meets(1e9)


@pytest.mark.thorough
def test_an_open_loop_counts_the_wait_that_a_closed_loop_omits():
    # One thread, 20 ms a request: 50 a second. At 100 a second a queue grows: after t seconds the
    # request that is due waits t, whereas one caller alone never waits.
    with serving(Scripted(seconds=0.02), threads=1) as port:
        alone = closed_loop(traffic(port), 1, 1.0)
        queued = open_loop(traffic(port, timeout=20.0), 100, 1.0)
    assert alone.milliseconds["p50"] < 40
    assert queued.milliseconds["p50"] > 200 and queued.milliseconds["max"] > 500
    number = len(queued.latencies)
    assert queued.seconds >= 0.02 * number  # throughput counts the time until the last answer


@pytest.mark.thorough
def test_latency_is_from_when_a_request_was_due_even_where_the_sender_is_late(monkeypatch):
    moments = np.array([0.0, 0.0, 0.0])
    monkeypatch.setattr("tfgan_kit_client.load.steps.poisson", lambda *_: moments - 0.25)
    with serving(Scripted()) as port:
        done = open_loop(traffic(port), 1, 0.1)
    assert (done.latencies >= 0.25).all() and done.late >= 0.25


def test_quantiles_are_latencies_that_were_seen():
    # The k-th least of 100 is the quantile k / 100.
    ms = step(latencies=np.arange(1, 101) / 1e3).milliseconds
    assert ms == pytest.approx({"p50": 50, "p90": 90, "p99": 99, "max": 100})


@pytest.mark.parametrize(
    "slow, errors, met", [(0, 0, True), (1, 0, True), (2, 0, False), (0, 1, True), (1, 1, False), (0, 2, False)]
)
def test_the_target_is_99_percent_of_all_requests_and_an_error_is_never_in_time(slow, errors, met):
    latencies = [0.01] * (100 - slow - errors) + [1.0] * slow
    assert step(latencies=latencies, errors={"UNAVAILABLE": errors}).meets(50) is met


@pytest.mark.parametrize(
    "milliseconds, load", [([10, 20, 30], 4), ([10, 20, 99], 2), ([10, 99, 20], 1), ([99, 10, 10], None)]
)
def test_the_target_was_last_met_before_the_first_load_that_missed_it(milliseconds, load):
    steps = [step(2**k, [ms / 1e3] * 10) for k, ms in enumerate(milliseconds)]
    met = last_met(steps[::-1], 50)
    assert (met and met.load) == load


@pytest.mark.parametrize("name", ["label", "latents", "truncation_psi", "strengths", "w"])
def test_every_input_of_the_contract_is_sent(name):
    tensors = {
        "label": Tensor("label", "int32", (None,)),
        "latents": Tensor("latents", "float32", (None, 5)),
        "truncation_psi": Tensor("truncation_psi", "float32", (None,)),
        "strengths": Tensor("strengths", "float32", (None, 2)),
        "w": Tensor("w", "float32", (None, 3, 4)),
    }
    inputs = {name: tensors[name]} if name in ("latents", "w") else {"seed": SEED, name: tensors[name]}
    made = Traffic("localhost:1", "toy", Signature("one", inputs, IMAGES), 3, 1.0)
    assert len(set(made.bodies)) == len(made.bodies)  # other seeds, or latents, each
    assert all(one.encode() in made.bodies[0] for one in inputs)


def test_an_input_that_nobody_knows_is_refused():
    other = Signature("discriminate", {"images": IMAGES["images"]}, {})
    with pytest.raises(ValueError, match="another --signature. Received: signature=discriminate, which takes images"):
        Traffic("localhost:1", "toy", other, 3, 1.0)


def test_a_row_and_a_record_hold_what_was_seen():
    one = step(8, [0.01, 0.02], {"UNAVAILABLE": 3, "RESOURCE_EXHAUSTED": 1})
    cells = row(one, 50).split()
    assert cells[:8] == ["8", "2", "4", "2.0", "10.0", "20.0", "20.0", "20.0"]
    assert row(one, 50).endswith("no  1 RESOURCE_EXHAUSTED, 3 UNAVAILABLE")
    (held,) = record([one])
    assert held["errors"] == {"UNAVAILABLE": 3, "RESOURCE_EXHAUSTED": 1}
    assert held["latency_ms"] == {"p50": 10.0, "p90": 20.0, "p99": 20.0, "max": 20.0}


@pytest.mark.thorough
@pytest.mark.parametrize("loops", [("open",), ("closed", "open")])
def test_no_two_labels_of_the_picture_overlap(tmp_path, monkeypatch, loops):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figures, save = [], Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (figures.append(self), save(self, *a, **k)))
    loads = [1, 2, 3, 4, 5, 6, 7, 8, 16, 31, 32, 33, 64, 1000]
    steps = [step(load, [0.01, 0.02], {"UNAVAILABLE": 1}, loop) for loop in loops for load in loads]
    steps += [step(2000, [], {"UNAVAILABLE": 1}, loops[0])]  # none was answered
    draw(tmp_path / "load.png", steps, 100, "digits version 3, serving_default")
    canvas = FigureCanvasAgg(figures[0])
    canvas.draw()
    renderer = canvas.get_renderer()
    texts = [axis.title for axis in figures[0].axes] + [figures[0]._suptitle]
    for axis in figures[0].axes[-len(loops) :]:
        texts += [axis.xaxis.label, *axis.get_xticklabels()]
    boxes = [text.get_window_extent(renderer) for text in texts if text.get_text()]
    assert len(boxes) > 8
    pairs = [(a, b) for k, a in enumerate(boxes) for b in boxes[k + 1 :]]
    assert not any(a.overlaps(b) for a, b in pairs)
