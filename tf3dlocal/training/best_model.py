"""The model that identified the held-out training subjects best so far."""

import json

from tf3dlocal.training.checkpoint_file import best_in
from tf3dlocal.training.kept_model import note_of, write_kept_model


class BestModel:
    """run/best.keras, and beside it run/best.json for people: {"step": 300, "rank_1": 85.0, ...}.

    The note is in the model's file as well, and that is the one read here. A checkpoint holds a copy of the file, so that
    a training which goes on from it has the best of the steps before it, and nothing of the steps that it makes again.

    Args:
        run: RunFolder.

    Example:
        >>> import tempfile
        >>> from tf3dlocal.training.run_folder import RunFolder
        >>> BestModel(RunFolder(tempfile.mkdtemp())).note() is None
        True
    """

    def __init__(self, run):
        self.run, self.file, self.text = run, run.path / "best.keras", run.path / "best.json"

    def note(self) -> dict | None:
        """Step and rank-1 of the best model, or None where there is none yet."""
        return note_of(self.file)

    def offer(self, model, step: int, rank_1: float, groups: dict[str, float]) -> bool:
        """Keep the model if it is better than the one kept; of two equally good ones the earlier stays.

        Args:
            model: after `step` steps.
            step: of the whole training.
            rank_1: per cent, by which models are compared.
            groups: rank-1 of each group of probes, for the note.

        Returns: whether it is kept.
        """
        best = self.note()
        if best is not None and best["rank_1"] >= rank_1:
            return False
        note = {"step": step, "rank_1": rank_1, **groups}
        self._replace(lambda file: write_kept_model(file, model, note))
        return True

    def go_back(self, checkpoint) -> None:
        """What was best at a checkpoint becomes the best again; with None as the checkpoint there is none."""
        content = best_in(checkpoint) if checkpoint else None
        if content is not None:
            if not self.file.exists() or self.file.read_bytes() != content or not self.text.exists():
                self._replace(lambda file: file.write_bytes(content))
        else:
            self.text.unlink(missing_ok=True)
            self.file.unlink(missing_ok=True)

    def _replace(self, write):
        self.text.unlink(missing_ok=True)  # first: a kill may leave the model without its text, never with another's
        self.run.write(self.file, write)
        text = json.dumps(self.note()) + "\n"
        self.run.write(self.text, lambda file: file.write_text(text, encoding="utf-8"))
