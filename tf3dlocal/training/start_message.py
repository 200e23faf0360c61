"""Where a training begins, for the one who started it."""


def start_message(run, restored, steps: int) -> list[str]:
    """Sentences: whether a training goes on and behind which step, and what could not be read on the way there.

    Args:
        run: RunFolder.
        restored: `Restored`, what was found in it.
        steps: of the whole training.

    Example:
        >>> from tf3dlocal.training.run_folder import Restored, RunFolder
        >>> start_message(RunFolder("runs/gait"), Restored(step=300), 1000)[0]
        'runs/gait goes on behind step 300 of 1000'
    """
    said = [f"{path} cannot be read ({reason}) and is set aside as {path.stem}.damaged" for path, reason in restored.damaged]
    if restored.step >= steps:
        return [*said, f"{run.path} holds all {steps} steps: there is nothing to train"]
    if not restored.step:
        return [*said, f"{run.path} begins with step 1 of {steps}"]
    said.append(f"{run.path} goes on behind step {restored.step} of {steps}")
    if run.data_set() is None:
        said.append(f"{run.path} does not tell on which data set it began: that it was this one is taken on trust")
    return said
