"""What a conversion did, tensor by tensor, and how far the embedding is from the original's."""

import dataclasses
from typing import Any

import keras
import numpy as np
import rich.box
import rich.console
import rich.table

from tf3dlocal.io import read_npz, user_path
from tf3dlocal.io.types import PathLike
from tf3dlocal.pytorch_weights.mapping import Table, weight_at
from tf3dlocal.pytorch_weights.transfer import COUNTER, tensors_of

TOLERANCE = 1e-4  # the originals differ from themselves in double precision by 2e-6 to 1e-5

COLUMNS = {"layer": "left", "first key": "left", "tensors": "right", "numbers": "right", "same bits": "right"}


@dataclasses.dataclass(kw_only=True)
class ParityReport:
    """The record of one conversion; it shows that nothing was lost.

    Attributes:
        input_file: What was converted: the PyTorch file, or the model that was written back.
        sha256: Checksum of the PyTorch file.
        out: The file that was written.
        source: "release" or "opengait".
        model: Name in `tf3dlocal.models.MODELS`.
        preset: The preset of the builder.
        arguments: The other arguments of the builder.
        iteration: Iteration of the training that the file names, or None.
        tensors: One dict per tensor of the original: its "key" and "shape", the Keras "weight" and its "keras_shape",
            and "same_bits": whether the weight, changed back, is the original tensor bit for bit.
        num_parameters: Number of trained parameters.
        ignored: Names in the file that are not needed.
        notes: Sentences about what was changed, and about what no key or shape can confirm.
        embedding_difference: Largest absolute difference from the recorded embedding, or None.
    """

    input_file: str
    sha256: str
    out: str
    source: str
    model: str
    preset: str
    arguments: dict[str, Any]
    iteration: int | None
    tensors: list[dict]
    num_parameters: int
    ignored: list[str]
    notes: list[str]
    embedding_difference: float | None = None

    def print(self, console: rich.console.Console | None = None) -> None:
        """Print the report, one line per Keras layer.

        Args:
            console: Where to print; standard output by default.
        """
        console = console or rich.console.Console()

        def say(text, **style):
            console.print(text, markup=False, highlight=False, soft_wrap=True, **style)

        say(f"{self.input_file} -> {self.out}", style="bold")
        settings = "".join(f", {name}={value}" for name, value in self.arguments.items())
        say(f"{self.model} of {self.source}: preset {self.preset!r}{settings}")
        console.print(self._table())
        iteration = "unknown" if self.iteration is None else self.iteration
        say(
            f"{len(self.tensors)} tensors, {self.num_parameters:,} trained parameters; iteration {iteration}; "
            f"sha256 {self.sha256}"
        )
        counters = [name for name in self.ignored if name.endswith(COUNTER)]
        unused = [name for name in self.ignored if name not in counters]
        if counters:
            unused.append(f"{len(counters)} {COUNTER} (a counter that nothing reads)")
        if unused:
            say(f"not needed: {', '.join(unused)}")
        for note in self.notes:
            say(f"note: {note}", style="yellow")
        if self.embedding_difference is not None:
            say(f"embedding: at most {self.embedding_difference:.1e} from the original's")

    def _table(self) -> rich.table.Table:
        table = rich.table.Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for name, justify in COLUMNS.items():
            table.add_column(name, justify=justify, overflow="fold")
        layers = {}
        for tensor in self.tensors:
            layers.setdefault(tensor["weight"].split(".")[0], []).append(tensor)
        for layer, tensors in layers.items():
            size = sum(int(np.prod(tensor["shape"])) for tensor in tensors)
            same = sum(tensor["same_bits"] for tensor in tensors)
            same = "all" if same == len(tensors) else str(same)
            table.add_row(layer, tensors[0]["key"], str(len(tensors)), f"{size:,}", same)
        return table


def compare_tensors(model: keras.Model, table: Table, tensors: dict[str, np.ndarray], *, name: str) -> list[dict]:
    """Read every weight back and compare it with the original tensor.

    Args:
        model: Has the weights already.
        table: The mapping.
        tensors: {key: array} of the PyTorch file.
        name: Name of the file, for the message.

    Returns:
        The entries of `ParityReport.tensors`.

    Raises:
        ValueError: A weight is not the original bit for bit.
    """
    back, entries = tensors_of(model, table), []
    for row in table.rows(model):
        variable, index = weight_at(model, row.place)
        entries.append(
            {
                "key": row.key,
                "weight": row.place,
                "shape": list(tensors[row.key].shape),
                "keras_shape": list(variable.numpy()[index].shape),
                "same_bits": _same_bits(back[row.key], tensors[row.key]),
            }
        )
    changed = [entry["key"] for entry in entries if not entry["same_bits"]]
    if changed:
        raise ValueError(
            f"{name}: these tensors do not come back bit for bit: {', '.join(changed)}. The Keras weights must be "
            "float32 to hold them; leave out --set dtype."
        )
    return entries


def _same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.ascontiguousarray(one).tobytes() == np.ascontiguousarray(other).tobytes()


def read_vectors(path: PathLike) -> tuple[np.ndarray, np.ndarray]:
    """Read silhouettes and the embedding that the original computed from them.

    Args:
        path: .npz file with "silhouettes" and "embedding".

    Returns:
        Silhouettes, float32 [walks, frames, height, width] in 0..1, and embedding, float64 [walks, parts, channels] or
        [walks, channels, parts].

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is of another kind, or an array is missing or has another shape or range.
    """
    path = user_path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no {path}.")
    arrays = read_npz(path, keys=("silhouettes", "embedding"))
    silhouettes, embedding = arrays["silhouettes"], arrays["embedding"]
    fits = silhouettes.ndim == 4 and embedding.ndim in (2, 3) and len(silhouettes) == len(embedding)
    if not fits or not silhouettes.size:
        raise ValueError(
            f"{path}: silhouettes must be [walks, frames, height, width] and embedding [walks, parts, channels]; got "
            f"{list(silhouettes.shape)} and {list(embedding.shape)}."
        )
    if embedding.dtype.kind not in "fiu" or not np.isfinite(embedding).all():
        raise ValueError(f"{path}: embedding must be finite numbers; got {embedding.dtype} with others.")
    if silhouettes.dtype == np.uint8:
        silhouettes = silhouettes / np.float32(255)
    elif silhouettes.dtype.kind != "f" or not (0 <= silhouettes.min() and silhouettes.max() <= 1):
        is_number = silhouettes.dtype.kind in "biuf"
        span = f" from {silhouettes.min()} to {silhouettes.max()}" if is_number else ""
        raise ValueError(f"{path}: silhouettes must be uint8 0..255 or float 0..1; got {silhouettes.dtype}{span}.")
    return silhouettes.astype("float32"), embedding.astype("float64")


def check_embedding(
    model: keras.Model, table: Table, recorded: tuple[np.ndarray, np.ndarray] | None, *, name: PathLike | None
) -> float | None:
    """Compare the model's embedding with the recorded one.

    Args:
        model: Has the weights already.
        table: The mapping; it decides the order of the axes if the embedding has as many parts as channels.
        recorded: Result of `read_vectors`, or None.
        name: The file of `recorded`, for the message.

    Returns:
        Largest absolute difference, or None without `recorded`.

    Raises:
        ValueError: The difference is above 1e-4, or the shapes do not fit.
    """
    if recorded is None:
        return None
    difference = embedding_difference(model, *recorded, channels_first=table.source == "opengait")
    if not difference <= TOLERANCE:
        raise ValueError(
            f"The embedding differs by {difference:.2e} from {name}; {TOLERANCE:.0e} is allowed. Was it recorded "
            "with these weights, in inference mode, from float silhouettes in 0..1? "
            + " ".join(f"Also, {note}." for note in table.notes(model))
            + " Nothing was written."
        )
    return difference


def embedding_difference(
    model: keras.Model, silhouettes: np.ndarray, embedding: np.ndarray, *, channels_first: bool = False
) -> float:
    """Compute the largest absolute difference between the model's embedding and a recorded one.

    Args:
        model: A model with outputs "embedding" and "part_features".
        silhouettes: As `read_vectors` returns them.
        embedding: As `read_vectors` returns it; its last two axes may be exchanged.
        channels_first: Which order to take if both fit.

    Raises:
        ValueError: The model takes silhouettes of another size, or its embedding has another shape.
    """
    size = tuple(model.input_shape[2:4])
    if silhouettes.shape[2:] != size:
        raise ValueError(
            f"The recorded silhouettes are {list(silhouettes.shape[2:])} (height, width), and the model takes "
            f"{list(size)}: --set input_shape=[null,{silhouettes.shape[2]},{silhouettes.shape[3]},1]."
        )
    # One walk at a time: a batch of all walks may not fit into memory.
    outputs = [model(walk[None, ..., None], training=False) for walk in silhouettes]
    named = ("embedding", "part_features")
    name = next((name for name in named if outputs[0][name].ndim == embedding.ndim), "embedding")
    found = np.concatenate([np.asarray(output[name]) for output in outputs])
    exchanged = found.swapaxes(1, 2) if found.ndim == 3 else found
    orders = [exchanged, found] if channels_first else [found, exchanged]
    fitting = next((order for order in orders if order.shape == embedding.shape), None)
    if fitting is None:
        raise ValueError(f"The recorded embedding is {list(embedding.shape)}, and the model's {list(found.shape)}.")
    return float(np.abs(fitting - embedding).max())
