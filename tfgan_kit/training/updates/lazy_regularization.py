"""StyleGAN2's lazy regularization (arXiv:1912.04958): penalties that are due now and then, in updates of their own."""

from tfgan_kit.distribution import replicas
from tfgan_kit.internals.keras import copied
from tfgan_kit.ranges import check_int
from tfgan_kit.training.updates.alternating import Alternating
from tfgan_kit.training.updates.update import MOST_MOVES, accumulate

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfgan_kit")
class LazyRegularization(Alternating):
    """`Alternating`, in which penalties with an interval are minimised by updates of their own.

    A penalty with an interval r > 1 has no part in the updates of every step. Where it is due, in steps 0, r, 2 r, ...,
    its player makes one more update, by r times the penalty, with the same optimizer and state: the discriminator on
    the images of its last update, the generator with latents of its own. For curves as of StyleGAN2's code, which does
    this, the optimizers are those of `corrected_for_lazy`, since they make (r + 1) / r updates a step. Under the other
    rules a penalty with an interval joins the loss of the step's update, and no correction is needed.

    Such a penalty sees no logits of another pass (`real_logits` and `fake_logits` are None). On several replicas, which
    cannot apply an optimizer in a branch, the update is made in every step, and taken back where it is not due: exact,
    at a cost in every step of one more sum over the replicas and update, and of a penalty that needs all replicas,
    `PathLength`.

    Args:
        discriminator_steps, generator_steps, gradient_accumulation_steps: as of `Alternating`.

    Raises:
        ValueError: as `Alternating`; in training, two intervals above 1 of one player's penalties.

    Example:
        >>> adam = lambda interval: gk.updates.corrected_for_lazy(keras.optimizers.Adam(0.002, 0.0, 0.99), interval)
        >>> r1 = gk.penalties.R1(10.0, interval=16)
        >>> gan.compile(adam(4), adam(16), penalties=[r1], update=LazyRegularization())

    Reference: Karras et al., arXiv:1912.04958, appendix B. Deviation: the generator's update follows the
    discriminator's, where theirs comes first, and shares its latents, if each makes one a step.
    """

    def __init__(self, discriminator_steps=1, generator_steps=1, gradient_accumulation_steps=1):
        super().__init__(discriminator_steps, generator_steps, gradient_accumulation_steps)
        if discriminator_steps + generator_steps > MOST_MOVES - 2:
            raise ValueError(
                f"A step has at most {MOST_MOVES} updates, two of them for penalties. Received: discriminator_steps="
                f"{discriminator_steps}, generator_steps={generator_steps}"
            )

    def step(self, game, batch):
        logs = super().step(game.with_penalties(p for p in game.penalties if p.interval == 1), batch)
        rows = batch.move(self.discriminator_steps - 1, self.batches)
        for move, player in enumerate(
            (game.discriminator, game.generator), start=self.discriminator_steps + self.generator_steps
        ):
            interval = lazy_interval(game.penalties, player.name)
            if interval > 1:
                penalties = [p for p in game.penalties if p.player == player.name and p.interval == interval]
                logs |= self._lazy_move(game.with_penalties(penalties), player, rows, move)
        return logs

    def _lazy_move(self, game, player, batch, move):
        """One update of a player by its lazy penalties, where they are due; their logs, 0 elsewhere."""
        due = tf.equal(game.draws.step.value % game.penalties[0].interval, 0)
        variables = player.network.trainable_variables

        def gradients_of(part):
            with player.tape() as tape:
                loss, logs = game.penalty_loss(player, part, game.latents(part, move), move)
            # Of weights that the penalty does not depend on 0: their second moments decay, as in the authors' code.
            gradients = zip(tape.gradients(loss), variables, strict=True)
            return [tf.zeros(w.shape, w.dtype) if g is None else tf.convert_to_tensor(g) for g, w in gradients], logs

        def found():
            return accumulate(gradients_of, batch.parts(self.gradient_accumulation_steps))

        def moved():
            gradients, logs = found()
            player.update(gradients)
            return logs

        names = [name for penalty in game.penalties for name in (penalty.name, *penalty.log_names)]
        no_logs = dict.fromkeys(names, tf.constant(0.0))
        if not replicas.several_replicas():
            return tf.cond(due, moved, lambda: no_logs)
        nothing = [tf.zeros(w.shape, w.dtype) for w in variables], no_logs
        if game.in_lockstep(game.penalties):
            gradients, logs = tf.nest.map_structure(lambda a, b: tf.where(due, a, b), found(), nothing)
        else:
            gradients, logs = tf.cond(due, found, lambda: nothing)
        _update_where(due, player, gradients)
        return logs


def _update_where(due, player, gradients):
    """An update that is taken back where it is not due: `optimizer.apply` sums, which no branch of a graph can."""
    changed = [*player.network.trainable_variables, *player.optimizer.variables]
    before = [tf.identity(variable.value) for variable in changed]
    player.update(gradients)
    for variable, value in zip(changed, before, strict=True):
        variable.assign(tf.where(due, variable.value, value))


def lazy_interval(penalties, player):
    """The interval above 1 of a player's penalties; 1 if none has one.

    Raises:
        ValueError: two of them.
    """
    found = {p.name: p.interval for p in penalties if p.player == player and p.interval > 1}
    if len(set(found.values())) > 1:
        received = ", ".join(f"{name} with interval={interval}" for name, interval in found.items())
        raise ValueError(
            "Penalties of one player that are due in updates of their own share them: give those of the "
            f"{player} the same interval, or 1. Received: {received}"
        )
    return max(found.values(), default=1)


def corrected_for_lazy(optimizer, interval):
    """A copy of an Adam for a player that `LazyRegularization` updates once more every `interval` steps.

    With c = interval / (interval + 1) it has the rate c * learning_rate, and beta_1^c, beta_2^c: over `interval` steps,
    in `interval + 1` updates, it moves as far and forgets as much as the given one without penalties.

    Args:
        optimizer: `keras.optimizers.Adam`, or another one with `beta_1` and `beta_2`, of numbers.
        interval: int >= 1, of the player's lazy penalty; at 1 the copy is the same.

    Raises:
        ValueError: another optimizer, a schedule, or an interval below 1.

    Example:
        >>> adam = corrected_for_lazy(keras.optimizers.Adam(0.0025, beta_1=0.0, beta_2=0.99), interval=4)
        >>> round(adam.get_config()["learning_rate"], 6), round(adam.beta_2, 6)
        (0.002, 0.991992)

    Reference: Karras et al., arXiv:1912.04958, appendix B.
    """
    check_int("`interval`", interval, least=1)
    optimizer = copied(keras.optimizers.get(optimizer))
    config = optimizer.get_config()
    values = {name: config.get(name) for name in ("learning_rate", "beta_1", "beta_2")}
    if not all(isinstance(value, float | int) for value in values.values()):
        raise ValueError(
            "The correction is of an Adam whose `learning_rate`, `beta_1` and `beta_2` are numbers; give a schedule of "
            f"the corrected values yourself. Received: {type(optimizer).__name__} with {values}"
        )
    if interval == 1:
        return optimizer
    share = interval / (interval + 1)
    optimizer.learning_rate = share * values["learning_rate"]
    optimizer.beta_1, optimizer.beta_2 = (values[name] ** share for name in ("beta_1", "beta_2"))
    return optimizer
