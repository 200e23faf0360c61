"""The gradient of a whole batch with the memory of a slice of it."""

import keras
import tensorflow as tf

from tf3dlocal.training.graph_sections import graph_sections
from tf3dlocal.training.in_slices import in_slices


def accumulated_gradients(model: keras.Model, inputs, loss_of, num_slices: int = 1):
    """Outputs of a model in training and the gradient of a loss over the whole batch, computed in slices of the batch.

    Adding up the gradients of small batches is another training: triplets are mined in the whole batch, and a batch
    normalization takes the whole batch's statistics. Here the model runs section by section (see `graph_sections`). Within
    a section the slices go one after the other, and only what later sections read is kept; between sections stands what
    looks at the whole batch, and at the end the loss, once. Backward, each slice of a section is computed again and its
    gradients are added up. The result is that of the plain step but for rounding; batch normalizations renew their moving
    statistics once, and dropout draws what it draws in a plain step. It costs one more forward pass.

    With one slice nothing is accumulated, but each section is computed again: the memory is that of one section.

    Args:
        model: a functional model whose layers without an argument `training` treat every clip by itself.
        inputs: what the model takes, as tensors with the batch first.
        loss_of: function of the model's outputs, as the model structures them, that gives a scalar.
        num_slices: must divide the batch.

    Returns:
        (outputs, gradients): outputs as the model structures them, gradients one for each of model.trainable_variables, None
        where the loss does not depend on a variable.

    Raises:
        ValueError: a batch of known size that does not divide; the numbers are named.

    Example:
        >>> x = keras.Input((3,))
        >>> model = keras.Model(x, keras.layers.Dense(1, kernel_initializer="ones")(x))
        >>> outputs, (kernel, bias) = accumulated_gradients(model, tf.ones((4, 3)), tf.reduce_sum, num_slices=2)
        >>> bias.numpy().tolist()
        [4.0]
    """
    graph = graph_sections(model)
    flat = zip(graph.inputs, keras.tree.flatten(inputs), strict=True)
    values = {key: tf.cast(tensor, graph.dtypes[key]) for key, tensor in flat}
    for section in graph.sections:
        forward(section, values, num_slices, graph.dtypes)
        for step in section.whole:
            run_steps([step], values)

    variables = model.trainable_variables
    with tf.GradientTape() as tape:  # of the end and the loss: they see vectors, no maps
        tape.watch([value for key, value in values.items() if key not in graph.inputs])
        reached = dict(values)
        run_steps(graph.end, reached)
        outputs = keras.tree.map_structure(lambda tensor: reached[id(tensor)], model.output)
        loss = loss_of(outputs)
    made = [key for key in values if key not in graph.inputs]
    of_values, of_variables = tape.gradient(loss, ([values[key] for key in made], variables))
    cotangents, totals = {}, {}
    add(cotangents, made, of_values)
    add(totals, [id(variable) for variable in variables], of_variables)

    for section in reversed(graph.sections):
        for step in reversed(section.whole):
            backward_whole(step, values, cotangents, totals)
        backward_sliced(section, values, cotangents, totals, num_slices, graph.inputs)
    return outputs, [totals.get(id(variable)) for variable in variables]


def run_steps(steps, tensors):
    """Compute steps one after the other; `tensors`, by key, grows by their results."""
    for step in steps:
        results = step.run(*(tensors[key] for key in step.reads))
        tensors.update(zip(step.writes, results, strict=True))


def add(sums, keys, addends):
    """Add to the sums by key; None adds nothing."""
    for key, addend in zip(keys, addends, strict=True):
        if addend is not None:
            sums[key] = sums[key] + addend if key in sums else tf.convert_to_tensor(addend)


def forward(section, values, num_slices, dtypes):
    """The sliced steps of a section; `values` grows by what is read later, and by nothing else."""

    def compute(*parts):
        tensors = dict(zip(section.reads, parts, strict=True))
        run_steps(section.sliced, tensors)
        return [tensors[key] for key in section.writes], []

    if section.writes:
        kinds = [dtypes[key] for key in section.writes]
        results, _ = in_slices(num_slices, compute, [values[key] for key in section.reads], kinds)
        values.update(zip(section.writes, results, strict=True))


def backward_sliced(section, values, cotangents, totals, num_slices, inputs):
    """Compute the slices of a section again and add up their gradients, to `cotangents` and to `totals` by variable."""
    given = [key for key in section.writes if key in cotangents]
    steps, leading = [], set(given)  # a step that leads to no cotangent is left out
    for step in reversed(section.sliced):
        if leading & set(step.writes):
            steps.insert(0, step)
            leading |= set(step.reads)
    if not steps:
        return
    reads = [key for key in section.reads if key in leading]
    wanted = [key for key in reads if key not in inputs and values[key].dtype.is_floating]
    variables = list({id(variable): variable for step in steps for variable in step.variables}.values())

    def compute(*parts):
        tensors = dict(zip(reads, parts))
        sources = [tensors[key] for key in wanted]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            run_steps(steps, tensors)
        return tape.gradient(
            [tensors[key] for key in given],
            (sources, variables),
            output_gradients=parts[len(reads) :],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )

    later = [cotangents.pop(key) for key in given]
    kinds = [values[key].dtype for key in wanted]
    start = [tf.zeros(variable.shape, variable.dtype) for variable in variables]
    # Without waiting, the first slice would be computed again at once and held in memory all through the forward pass.
    of_values, of_variables = in_slices(
        num_slices, compute, [values[key] for key in reads] + later, kinds, start, wait_for=later
    )
    add(cotangents, wanted, of_values)
    add(totals, [id(variable) for variable in variables], of_variables)


def backward_whole(step, values, cotangents, totals):
    """Compute a step over the whole batch again and add its gradients; moving statistics were renewed the first time."""
    given = [key for key in step.writes if key in cotangents]
    if not given:
        return
    later = [cotangents.pop(key) for key in given]
    with tf.control_dependencies(
        [*later, *list(totals.values())[-1:]]
    ):  # one after the other, and not before their turn
        tensors = {key: tf.identity(values[key]) for key in step.reads}
        with tf.GradientTape() as tape, keras.StatelessScope(initialize_variables=False):
            tape.watch(list(tensors.values()))
            run_steps([step], tensors)
        of_values, of_variables = tape.gradient(
            [tensors[key] for key in given],
            ([tensors[key] for key in step.reads], list(step.variables)),
            output_gradients=later,
        )
    add(cotangents, step.reads, of_values)
    add(totals, [id(variable) for variable in step.variables], of_variables)
