"""TF Serving's rule of batching: what comes within a moment is padded, concatenated, computed together, and split."""

import collections
import threading
import time

import numpy as np

from small_server.status import StatusError


def pad_like_tf_serving(array, shape):
    """Pad all axes but the first at their end, with the first element of the array (batching_util.cc)."""
    widths = [(0, 0), *((0, most - size) for size, most in zip(array.shape[1:], shape[1:]))]
    if not any(after for _, after in widths):
        return array
    if not array.size:
        raise StatusError("INVALID_ARGUMENT", "Got empty tensor in batch of non-empty tensors.")
    padded = np.full([size + after for size, (_, after) in zip(array.shape, widths)], array.flat[0], array.dtype)
    padded[tuple(slice(size) for size in array.shape)] = array
    return padded


def merge(batch, *, pad, allowed_sizes):
    """Return {input: one array} of the inputs of several requests, as MergeInputTensors does."""
    merged = {}
    num_rows = sum(len(next(iter(inputs.values()))) for inputs in batch)
    for name in batch[0]:
        arrays = [inputs[name] for inputs in batch]
        if pad:
            most = [max(sizes) for sizes in zip(*(array.shape for array in arrays))]
            arrays = [pad_like_tf_serving(array, most) for array in arrays]
        elif len({array.shape[1:] for array in arrays}) > 1:
            raise StatusError(
                "FAILED_PRECONDITION",
                f"Tensors with name '{name}' from different tasks have different shapes and padding is turned off."
                "Set pad_variable_length_inputs to true, or ensure that all tensors with the same name"
                "have equal dimensions starting with the first dim.",
            )
        rounded = min((size for size in allowed_sizes if size >= num_rows), default=num_rows)
        arrays += [arrays[-1][:1]] * (rounded - num_rows)  # rows that nobody reads
        merged[name] = np.concatenate(arrays)
    return merged


class Batcher:
    """Computes the requests of one signature in batches, in separate threads.

    Args:
        run: Function from {input: array} to {output: array}, batch-first.
        max_batch_size, batch_timeout_micros, num_batch_threads, max_enqueued_batches, pad_variable_length_inputs,
            allowed_batch_sizes: As in batching_parameters.proto.
    """

    def __init__(
        self,
        run,
        *,
        max_batch_size=8,
        batch_timeout_micros=5000,
        num_batch_threads=2,
        max_enqueued_batches=100,
        pad_variable_length_inputs=True,
        allowed_batch_sizes=(),
    ):
        self.run, self.max_batch_size, self.timeout = run, max_batch_size, batch_timeout_micros / 1e6
        self.pad, self.allowed_sizes = pad_variable_length_inputs, allowed_batch_sizes
        self.most_waiting = max_enqueued_batches * max_batch_size
        self.sizes = []  # numbers of requests in the batches so far, the last thousand
        self._waiting, self._changed, self._open = collections.deque(), threading.Condition(), True
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(num_batch_threads)]
        for thread in self._threads:
            thread.start()

    def __call__(self, inputs):
        """Compute one request as a part of some batch."""
        task = _Task(inputs)
        if task.num_rows > self.max_batch_size:
            message = f"Task size {task.num_rows} is larger than maximum input batch size {self.max_batch_size}"
            raise StatusError("INVALID_ARGUMENT", message)
        with self._changed:
            if sum(each.num_rows for each in self._waiting) + task.num_rows > self.most_waiting:
                message = "The batch scheduling queue to which this task was submitted is full"
                raise StatusError("UNAVAILABLE", message)
            self._waiting.append(task)
            self._changed.notify_all()
        task.done.wait()
        if task.error is not None:
            raise task.error
        return task.outputs

    def close(self):
        with self._changed:
            self._open = False
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self):
        while tasks := self._next_batch():
            self.sizes = [*self.sizes[-999:], len(tasks)]
            self._compute(tasks)

    def _next_batch(self):
        """Wait for the first request, and then for more until the batch is full or its time is over."""
        tasks, num_rows, end = [], 0, None
        with self._changed:
            while self._open:
                if self._waiting and num_rows + self._waiting[0].num_rows > self.max_batch_size:
                    break
                if self._waiting:
                    tasks.append(self._waiting.popleft())
                    num_rows += tasks[-1].num_rows
                    end = end or time.monotonic() + self.timeout
                    continue
                left = None if end is None else end - time.monotonic()
                if num_rows == self.max_batch_size or (left is not None and left <= 0):
                    break
                self._changed.wait(left)
        return tasks

    def _compute(self, tasks):
        try:
            merged = merge([task.inputs for task in tasks], pad=self.pad, allowed_sizes=self.allowed_sizes)
            outputs = self.run(merged)
            begin = 0
            for task in tasks:
                task.outputs = {name: array[begin : begin + task.num_rows] for name, array in outputs.items()}
                begin += task.num_rows
        except Exception as error:  # as in TF Serving, one request that cannot be computed fails the whole batch
            for task in tasks:
                task.error = error
        for task in tasks:
            task.done.set()


class _Task:
    def __init__(self, inputs):
        self.inputs, self.outputs, self.error = inputs, None, None
        self.num_rows = len(next(iter(inputs.values())))
        self.done = threading.Event()
