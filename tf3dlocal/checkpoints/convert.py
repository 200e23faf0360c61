"""A PyTorch checkpoint into a .keras file, and a report of what became of each tensor."""

import numpy as np

from tf3dlocal.checkpoints.arguments import build
from tf3dlocal.checkpoints.checkpoint_file import read_checkpoint
from tf3dlocal.checkpoints.fit import put_in, their_weights
from tf3dlocal.checkpoints.load import check_kind
from tf3dlocal.checkpoints.parity_report import ParityReport
from tf3dlocal.checkpoints.table import weight_at
from tf3dlocal.checkpoints.tables import table_of
from tf3dlocal.checkpoints.vectors import TOLERANCE, embedding_difference, read_vectors
from tf3dlocal.checkpoints.whole_file import check_free, write_whole


def convert(checkpoint, out, source, model, arguments=None, vectors=None, overwrite=False):
    """Convert a PyTorch checkpoint to a .keras file.

    Args:
        checkpoint, source, model: as in `load`.
        out: the .keras file, written whole or not at all.
        arguments: dict of arguments of the model's builder, as in `load`.
        vectors: .npz with "silhouettes" (uint8 [walks, frames, height, width], or float in 0..1) and the "embedding" that
            the original computed of them, [walks, parts, channels] or [walks, channels, parts].
        overwrite: replace an existing file.

    Returns:
        `ParityReport`.

    Raises:
        ValueError, FileNotFoundError, ImportError: as `load`; also weights that would not come back bit for bit, and an
            embedding that differs by more than 1e-4. Nothing is written then.
        FileExistsError: out is there and overwrite is not set.

    Example:
        >>> convert("GaitSet-40000.pt", "gaitset.keras", "opengait", "gaitset")
        Traceback (most recent call last):
        FileNotFoundError: there is no GaitSet-40000.pt
    """
    table = table_of(source, model)
    out = check_free(out, overwrite, (".keras",))
    silhouettes_and_embedding = read_vectors(vectors) if vectors else None
    content = read_checkpoint(checkpoint)
    check_kind(content.weights, table, checkpoint)
    keras_model = build(table, arguments or {})
    counters = put_in(keras_model, table, content.weights, str(checkpoint))
    report = parity_report(
        keras_model,
        table,
        content.weights,
        checkpoint=str(checkpoint),
        sha256=content.sha256,
        out=str(out),
        arguments=dict(arguments or {}),
        iteration=content.iteration,
        ignored=[*content.ignored, *counters],
        notes=content.notes,
    )
    report.embedding_difference = checked_difference(keras_model, table, silhouettes_and_embedding, vectors)
    write_whole(out, keras_model.save)
    return report


def parity_report(keras_model, table, weights, notes, **facts):
    """The report, from reading every weight back; raises ValueError where one is not the original bit for bit."""
    back = their_weights(keras_model, table)
    tensors = [
        {
            "key": row.key,
            "weight": row.place,
            "shape": list(weights[row.key].shape),
            "our_shape": list(weight_at(keras_model, row.place)[0].numpy()[weight_at(keras_model, row.place)[1]].shape),
            "same_bits": same_bits(back[row.key], weights[row.key]),
        }
        for row in table.rows(keras_model)
    ]
    changed = [tensor["key"] for tensor in tensors if not tensor["same_bits"]]
    if changed:
        raise ValueError(
            f"{facts['checkpoint']}: these tensors do not come back bit for bit: {', '.join(changed)}. Our weights "
            "must be float32 to hold them: leave out --set dtype"
        )
    return ParityReport(
        source=table.source,
        model=table.model,
        preset=table.preset,
        tensors=tensors,
        notes=[*notes, *table.notes(keras_model)],
        num_parameters=sum(int(np.prod(weight.shape)) for weight in keras_model.trainable_weights),
        **facts,
    )


def same_bits(ours, theirs):
    return ours.shape == theirs.shape and np.ascontiguousarray(ours).tobytes() == np.ascontiguousarray(theirs).tobytes()


def checked_difference(keras_model, table, silhouettes_and_embedding, vectors):
    """The embedding's difference, or None without vectors; raises ValueError above 1e-4."""
    if silhouettes_and_embedding is None:
        return None
    difference = embedding_difference(
        keras_model, *silhouettes_and_embedding, channels_first=table.source == "opengait"
    )
    if not difference <= TOLERANCE:
        raise ValueError(
            f"the embedding differs by {difference:.2e} from {vectors}, and {TOLERANCE:.0e} is allowed. Are they "
            "from this checkpoint, in inference mode, of float silhouettes in 0..1? "
            + " ".join(f"Also, {note}." for note in table.notes(keras_model))
            + " Nothing was written."
        )
    return difference
