"""Weights into a model and out of it again, along the rows of a table, with every tensor accounted for."""

from collections.abc import Iterator

import keras
import numpy as np

from tf3dlocal.pytorch_weights.arguments import as_settings
from tf3dlocal.pytorch_weights.mapping import Row, Table, weight_at
from tf3dlocal.pytorch_weights.tables import recognize

# PyTorch counts the batches of a batch normalization; with a fixed momentum nothing reads the counter.
COUNTER = "num_batches_tracked"


def tensors_of(model: keras.Model, table: Table) -> dict[str, np.ndarray]:
    """Return the model's weights as the source stores them: {key: float32 array}.

    Raises:
        ValueError: The table is for another kind of model.
    """
    try:
        return {
            row.key: row.change.to_pytorch(variable.numpy()[index]) for row, variable, index in _placed(model, table)
        }
    except ValueError as error:
        raise ValueError(
            f"{model.name} is no {table.model} as {table.source} has it (preset {table.preset!r}): {error}"
        ) from error


def set_weights(
    model: keras.Model, table: Table, tensors: dict[str, np.ndarray], *, name: str = "the file"
) -> list[str]:
    """Set every weight of a model.

    Args:
        model: Built for the table.
        table: The mapping.
        tensors: {key: array} of a PyTorch file.
        name: Name of the file, for the messages.

    Returns:
        Keys that are known and not needed.

    Raises:
        ValueError: Tensors are missing, left over or of another shape; all of them are named, the model is unchanged.
    """
    expected = {key: array.shape for key, array in tensors_of(model, table).items()}
    counters = {key.removesuffix("running_mean") + COUNTER for key in expected if key.endswith(".running_mean")}
    given = {key: array for key, array in tensors.items() if key not in counters}
    _check_tensors(expected, given, table=table, name=name)
    unfilled = weights_without_row(model, table)
    if unfilled:
        raise ValueError(
            f"{name} has no tensors for these weights of the model: {', '.join(unfilled)}. {table.source}'s "
            f"{table.model} has no such layers; leave out the --set that adds them."
        )
    values = {}
    for row, variable, index in _placed(model, table):
        _, array = values.setdefault(variable.path, (variable, np.empty(variable.shape, "float32")))
        array[index] = row.change.to_keras(tensors[row.key])
    for variable, array in values.values():
        variable.assign(array)
    return [key for key in tensors if key in counters]


def weights_without_row(model: keras.Model, table: Table) -> list[str]:
    """Return the paths of the weights that the rows of the table do not fill completely."""
    covered = {}
    for _, variable, index in _placed(model, table):
        covered.setdefault(variable.path, np.zeros(variable.shape, bool))[index] = True
    return [weight.path for weight in model.weights if weight.path not in covered or not covered[weight.path].all()]


def _placed(model: keras.Model, table: Table) -> Iterator[tuple[Row, keras.Variable, int | slice]]:
    for row in table.rows(model):
        yield row, *weight_at(model, row.place)


def _check_tensors(expected: dict, tensors: dict, *, table: Table, name: str) -> None:
    """Raise ValueError that names every tensor which is missing, left over, of another shape or not floating point."""
    shapes = {key: array.shape for key, array in tensors.items()}
    misfits = {
        "of another shape": [
            f"{key} {list(shapes[key])} in {name}, {list(shape)} in the model"
            for key, shape in expected.items()
            if key in shapes and shapes[key] != shape
        ],
        "missing": [f"{key} {list(shape)}" for key, shape in expected.items() if key not in shapes],
        "without a place in the model": [
            f"{key} {list(shape)}" for key, shape in shapes.items() if key not in expected
        ],
        "not of floating point": [
            f"{key} {array.dtype}" for key, array in tensors.items() if key in expected and array.dtype != np.float32
        ],
    }
    if not any(misfits.values()):
        return
    match = recognize(tensors)
    lines = [f"{name} does not fit {table.model} of {table.source}."]
    if match and match is not table:
        lines[0] += f" Its keys are those of --source {match.source} --model {match.model}."
    elif not match:
        lines[0] += " Its keys belong to no model that has a mapping table."
    for title, entries in misfits.items():
        if entries:
            lines += [f"{title} ({len(entries)}):", *(f"  {entry}" for entry in entries)]
    built_with = table.arguments_of(expected)
    change = {
        argument: value for argument, value in table.arguments_of(shapes).items() if built_with.get(argument) != value
    }
    if change and match is table:
        lines.append(f"Its shapes belong to other arguments than the model was built with. Try {as_settings(change)}")
    raise ValueError("\n".join(lines))
