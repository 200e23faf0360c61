"""Weights into a model and out of it again, by a table's rows, with every tensor accounted for."""

import numpy as np

from tf3dlocal.checkpoints.arguments import as_settings
from tf3dlocal.checkpoints.table import weight_at
from tf3dlocal.checkpoints.tables import recognise

COUNTER = (
    "num_batches_tracked"  # PyTorch counts the batches of a batch normalization; with a fixed momentum nobody reads it
)


def their_weights(model, table):
    """The model's weights as the original has them: {key: float32 array}.

    Raises:
        ValueError: the model is not of the kind that the table is for.
    """
    try:
        return {row.key: row.change.to_theirs(np.asarray(weight[index])) for row, weight, index in placed(model, table)}
    except ValueError as error:
        raise ValueError(
            f"{model.name} is no {table.model} as {table.source} has it (preset {table.preset!r}): {error}"
        ) from error


def placed(model, table):
    for row in table.rows(model):
        variable, index = weight_at(model, row.place)
        yield row, variable.numpy(), index


def put_in(model, table, weights, name="the checkpoint"):
    """Set every weight of the model.

    Args:
        model: built for the table.
        table: `Table`.
        weights: {key: array} of a checkpoint.
        name: of the checkpoint, for the messages.

    Returns:
        list of keys that are known and not needed.

    Raises:
        ValueError: tensors that are missing, left over or of another shape, all of them named; the model is untouched.
    """
    expected = {key: array.shape for key, array in their_weights(model, table).items()}
    counters = {key.removesuffix("running_mean") + COUNTER for key in expected if key.endswith(".running_mean")}
    check_fit(expected, {key: array for key, array in weights.items() if key not in counters}, table, name)
    left_empty = weights_without_row(model, table)
    if left_empty:
        raise ValueError(
            f"{name} has nothing for these weights of our model: {', '.join(left_empty)}. {table.source}'s "
            f"{table.model} has no such layers; leave out the --set that adds them."
        )
    filled = {}
    for row in table.rows(model):
        variable, index = weight_at(model, row.place)
        _, values = filled.setdefault(variable.path, (variable, np.empty(variable.shape, "float32")))
        values[index] = row.change.to_ours(weights[row.key])
    for variable, values in filled.values():
        variable.assign(values)
    return [key for key in weights if key in counters]


def weights_without_row(model, table):
    """Paths of the model's weights that no row of the table fills, wholly."""
    covered = {}
    for row in table.rows(model):
        variable, index = weight_at(model, row.place)
        covered.setdefault(variable.path, np.zeros(variable.shape, bool))[index] = True
    return [weight.path for weight in model.weights if weight.path not in covered or not covered[weight.path].all()]


def check_fit(expected, weights, table, name):
    """Raise ValueError that names every tensor which is missing, left over, misshapen or not of floating point."""
    missing = [f"{key} {list(shape)}" for key, shape in expected.items() if key not in weights]
    left_over = [f"{key} {list(array.shape)}" for key, array in weights.items() if key not in expected]
    misshapen = [
        f"{key} {list(weights[key].shape)} in {name}, {list(shape)} in our model"
        for key, shape in expected.items()
        if key in weights and weights[key].shape != shape
    ]
    wrong_kind = [
        f"{key} {array.dtype}" for key, array in weights.items() if key in expected and array.dtype != np.float32
    ]
    if not (missing or left_over or misshapen or wrong_kind):
        return
    looks_like = recognise(weights)
    lines = [f"{name} does not fit {table.model} of {table.source}."]
    if looks_like and looks_like is not table:
        lines[0] += f" Its keys are those of --source {looks_like.source} --model {looks_like.model}."
    elif not looks_like:
        lines[0] += " Its keys are of no model that there is a table for."
    for title, entries in (
        ("of another shape", misshapen),
        ("missing", missing),
        ("without a place in our model", left_over),
        ("not of floating point", wrong_kind),
    ):
        if entries:
            lines += [f"{title} ({len(entries)}):", *(f"  {entry}" for entry in entries)]
    told = table.arguments_of({key: array.shape for key, array in weights.items()})
    ours = table.arguments_of(expected)
    change = {argument: value for argument, value in told.items() if ours.get(argument) != value}
    if change and looks_like is table:
        lines.append(f"Its tensors tell other arguments than the model was built with. Try {as_settings(change)}")
    raise ValueError("\n".join(lines))
