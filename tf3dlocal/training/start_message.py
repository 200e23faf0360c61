"""Where a training begins, for the one who started it."""


def start_message(run, restored, steps: int, devices: str) -> list[str]:
    """Sentences: whether a training goes on, behind which step and on what, and what could not be read on the way there.

    Args:
        run: RunFolder.
        restored: `Restored`, what was found in it.
        steps: of the whole training.
        devices: see `computing_devices`.

    Example:
        >>> from tf3dlocal.training.run_folder import Restored, RunFolder
        >>> start_message(RunFolder("runs/gait"), Restored(step=300), 1000, "8 GPUs")[0]
        'runs/gait goes on behind step 300 of 1000, on 8 GPUs'
    """
    said = [
        f"{path} cannot be read ({reason}) and is set aside as {path.stem}.damaged" for path, reason in restored.damaged
    ]
    if restored.step >= steps:
        return [*said, f"{run.path} holds all {steps} steps: there is nothing to train"]
    if not restored.step:
        return [*said, f"{run.path} begins with step 1 of {steps}, on {devices}"]
    said.append(f"{run.path} goes on behind step {restored.step} of {steps}, on {devices}")
    if run.data_set() is None:
        said.append(f"{run.path} does not tell on which data set it began: that it was this one is taken on trust")
    return said
