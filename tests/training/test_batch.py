"""Any way to cut a batch up gives the rows, draws and means of the whole."""

from tfgan_kit.training.batch import Batch

import numpy as np
import pytest
import tensorflow as tf

N = 11
IMAGES = np.arange(N, dtype=np.float32)[:, None]
LABELS = np.arange(N, dtype=np.int32) % 3
SEED = tf.constant([3, 4], tf.int64)


def replicas_of(cuts):
    """What replicas hold that were given rows [0, cuts[0]), [cuts[0], cuts[1]), ..."""
    edges = [0, *cuts, N]
    return [
        Batch(IMAGES[a:b], LABELS[a:b], tf.range(a, b), tf.constant(N)) for a, b in zip(edges, edges[1:], strict=False)
    ]


WHOLE = Batch.of(tf.constant(IMAGES), tf.constant(LABELS))
CUTS = [(5,), (3, 7), (2, 4, 9)]


def joined(batches, field):
    return np.concatenate([np.array(getattr(batch, field)) for batch in batches])


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_replicas_draw_what_one_device_draws(cuts, law):
    expected = getattr(WHOLE, law)(SEED, [2])
    found = [getattr(batch, law)(SEED, [2]) for batch in replicas_of(cuts)]
    np.testing.assert_array_equal(np.concatenate(found), expected)


@pytest.mark.parametrize("cuts", CUTS)
def test_shares_of_the_mean_add_up_to_it(cuts):
    found = sum(float(batch.mean(tf.reduce_mean(batch.images))) for batch in replicas_of(cuts))
    assert found == pytest.approx(IMAGES.mean(), rel=1e-6)


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("k, moves", [(0, 2), (1, 2), (0, 3), (1, 3), (2, 3)])
def test_a_move_has_the_same_rows_and_draws_on_any_number_of_replicas(cuts, k, moves):
    whole, parts = WHOLE.move(k, moves), [b.move(k, moves) for b in replicas_of(cuts)]
    np.testing.assert_array_equal(joined(parts, "images"), IMAGES[k::moves])
    np.testing.assert_array_equal(joined(parts, "condition"), LABELS[k::moves])
    draws = np.concatenate([part.normal(SEED, [2]) for part in parts])
    np.testing.assert_array_equal(draws, whole.normal(SEED, [2]))
    assert {int(part.total) for part in parts} == {int(whole.total)}


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("batch", [WHOLE, WHOLE.move(1, 2), replicas_of((5,))[1]])
def test_parts_hold_every_row_once_with_its_own_draws(count, batch):
    parts = batch.parts(count)
    order = np.argsort(joined(parts, "images")[:, 0])
    np.testing.assert_array_equal(joined(parts, "images")[order], batch.images)
    np.testing.assert_array_equal(joined(parts, "condition")[order], batch.condition)
    draws = np.concatenate([part.normal(SEED, [2]) for part in parts])
    np.testing.assert_array_equal(draws[order], batch.normal(SEED, [2]))
    means = [float(part.mean(tf.reduce_mean(part.images))) for part in parts]
    assert sum(means) == pytest.approx(float(batch.mean(tf.reduce_mean(batch.images))), rel=1e-6)


@pytest.mark.parametrize(
    "cuts, count, k", [((5,), 1, 2), ((3, 6), 1, 3), ((2, 4, 9), 1, 2), ((5,), 2, 2), ((7,), 2, 2)]
)
def test_every_kth_row_of_a_part_is_the_same_on_any_number_of_replicas(cuts, count, k):
    for j, whole in enumerate(WHOLE.parts(count)):
        parts = [batch.parts(count)[j].every(k) for batch in replicas_of(cuts)]
        np.testing.assert_array_equal(joined(parts, "images"), IMAGES[j::count][::k])
        np.testing.assert_array_equal(joined(parts, "condition"), whole.every(k).condition)
        draws = np.concatenate([part.normal(SEED, [2]) for part in parts])
        np.testing.assert_array_equal(draws, WHOLE.normal(SEED, [2]).numpy()[j::count][::k])
        np.testing.assert_array_equal(draws, whole.every(k).normal(SEED, [2]))


def test_a_replica_without_a_kth_row_is_refused():
    with pytest.raises(ValueError, match="One row in 2.* must hold 2 or more. Received: rows 1"):
        replicas_of((3, 4))[1].every(2)
