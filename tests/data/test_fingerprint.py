"""A data set is known by its walks."""

import subprocess
import sys

from small_walks import write_small_walks

from tf3dlocal.data import data_fingerprint, open_walks


def test_neither_the_folder_nor_the_number_of_shards_nor_the_order_makes_another_data_set(small_walks, tmp_path):
    write_small_walks(tmp_path, num_shards=3)
    again = open_walks(tmp_path)
    assert data_fingerprint(again) == data_fingerprint(small_walks)
    assert data_fingerprint(again.take(range(len(again))[::-1])) == data_fingerprint(small_walks)


def test_other_people_or_a_part_of_the_walks_make_another_one(small_walks, tmp_path):
    write_small_walks(tmp_path, subjects=("001", "002", "003", "005"))
    found = {
        data_fingerprint(walks) for walks in (small_walks, open_walks(tmp_path), small_walks.select(views=[0, 90]))
    }
    assert len(found) == 3


def test_a_record_has_the_same_bytes_in_every_process():
    """A protocol buffer's map is written in an order that each process draws for itself, unless it is asked for one."""
    program = (
        "import zlib, numpy as np; from tf3dlocal.data import Walk; from tf3dlocal.data.tfrecords import encode_walk\n"
        "print(zlib.crc32(encode_walk(Walk(np.ones([2, 64, 64], np.uint8), '001', 'nm-01', 90))))"
    )
    command = [sys.executable, "-c", program]
    told = {subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(3)}
    assert len(told) == 1
