"""Pictures of where the parts look, as a training goes, for TensorBoard."""

import keras
import numpy as np

from tf3dlocal.data import WalkDataset
from tf3dlocal.layers import LocalPath
from tf3dlocal.models import part_geometry

MOST_VIEWS = 2  # the first and the last; to locate the parts in a walk takes a third of a second on a CPU
NUM_FRAMES = 6  # of a picture, evenly spaced
SCALE = 3  # pixels of a picture per pixel of the silhouettes


class PartPictures:
    """Draws the located parts in the same few walks again and again: of the first subject, from two views.

    Args:
        model: With or without local paths.
        walks: The walks to choose from; subjects that do not train show what carries over.

    Example:
        >>> from tf3dlocal.models import GaitSet
        >>> PartPictures(GaitSet(channels=(2, 2, 2), bins=(1,)), walks=walks).has_parts
        False
    """

    def __init__(self, model: keras.Model, *, walks: WalkDataset):
        self.model, self.walks = model, walks
        self.has_parts = any(isinstance(layer, LocalPath) for layer in model.layers)
        of_first = np.flatnonzero((walks.subjects == walks.subjects[0]) & (walks.conditions == walks.conditions[0]))
        by_view = of_first[np.argsort(walks.view_degrees[of_first], kind="stable")]
        shown = np.linspace(0, len(by_view) - 1, min(MOST_VIEWS, len(by_view))).round().astype(int)
        self.rows = by_view[shown].tolist()

    def draw(self) -> dict[str, np.ndarray]:
        """Locate the parts with the present weights, and paint them.

        Returns:
            {"parts/block_3/090": uint8 [height, width, 3]}: a strip of frames for each block and walk.
        """
        # Here, not above: a training of a model without local paths draws nothing, and starts without matplotlib.
        from tf3dlocal.visualization import paint_parts, spaced_frames

        pictures, width = {}, self.model.input_shape[3]
        for row in self.rows:
            silhouettes = self.walks.read(row).silhouettes
            margin = (silhouettes.shape[2] - width) // 2
            silhouettes = silhouettes[..., margin : margin + width]
            geometry = part_geometry(self.model, silhouettes=silhouettes)
            frames = spaced_frames(len(silhouettes), count=NUM_FRAMES)
            for block in geometry["located"]:
                painted = paint_parts(silhouettes, geometry=geometry, block=block, scale=SCALE, frames=frames)
                pictures[f"parts/{block}/{self.walks.view_degrees[row]:03d}"] = np.concatenate(painted, axis=1)
        return pictures
