"""Archives: hostile paths, links, damage. They are read where they are and never unpacked."""

import gzip
import io
import tarfile

import pytest
from raw_trees import frame_files, png, raw_frame, raw_sequences, tar_bytes, write_tree, zip_bytes

from tf3dlocal.data import RawDataError, open_raw, prepare
from tf3dlocal.data.raw.archives import safe_member_path
from tf3dlocal.io import UnreadableError

FRAME = png(raw_frame())
GOOD = frame_files("001")


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["/etc/passwd", "../x.png", "001/../../x.png", "C:/x.png", "..\\x.png", "\\x.png"])
def test_a_path_that_leaves_the_archive_is_an_error_that_names_member_and_archive(name):
    with pytest.raises(RawDataError) as caught:
        safe_member_path(name, "001.tar.gz")
    assert repr(name) in str(caught.value) and "001.tar.gz" in str(caught.value)


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["/001/nm-01/090/9.png", "../001/nm-01/090/9.png"])
@pytest.mark.parametrize("kind", ["tar", "zip", "tar in zip"])
def test_an_archive_with_such_a_path_is_refused_and_writes_nothing(tmp_path, name, kind):
    files = GOOD | {name: FRAME}
    path = tmp_path / "raw" / ("001.tar.gz" if kind == "tar" else "001.zip")
    inner = zip_bytes({"001.tar.gz": tar_bytes(files)}) if kind == "tar in zip" else zip_bytes(files)
    write_tree(path.parent, {path.name: tar_bytes(files) if kind == "tar" else inner})
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RawDataError, match="absolute or parent path"):
        raw_sequences(path)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.bad_input
def test_links_in_a_tar_are_listed_and_not_followed(tmp_path):
    buffer = io.BytesIO(tar_bytes(GOOD, "w"))
    with tarfile.open(fileobj=buffer, mode="a") as archive:
        link = tarfile.TarInfo("001/nm-01/090/004.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    (tmp_path / "001.tar").write_bytes(buffer.getvalue())
    strays = []
    (sequence,) = open_raw(tmp_path / "001.tar").parts[0].sequences(strays)
    assert len(sequence.files) == 3
    assert strays == [f"{tmp_path}/001.tar/001/nm-01/090/004.png (a link or device, not followed)"]


def test_the_members_of_a_tar_may_be_in_any_order(tmp_path):
    files = dict(reversed(list((frame_files("001", view=0) | frame_files("001", view=90)).items())))
    (tmp_path / "001.tar.gz").write_bytes(tar_bytes(files))
    found = raw_sequences(tmp_path / "001.tar.gz")
    assert [s.name for s in found] == ["001/nm-01/000", "001/nm-01/090"]
    assert [path[-7:] for path in found[0].files] == ["001.png", "002.png", "003.png"]


def test_a_stray_file_in_an_archive_is_listed(tmp_path):
    (tmp_path / "raw.zip").write_bytes(zip_bytes(GOOD | {"readme.txt": b"hello"}))
    assert open_raw(tmp_path / "raw.zip").strays == [f"{tmp_path}/raw.zip/readme.txt"]
    (tmp_path / "001.tar").write_bytes(tar_bytes(GOOD | {"readme.txt": b"hello"}, "w"))
    strays = []
    list(open_raw(tmp_path / "001.tar").parts[0].sequences(strays))
    assert strays == [f"{tmp_path}/001.tar/readme.txt"]


@pytest.mark.bad_input
@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_a_tar_that_ends_too_early_is_an_error_that_names_it_wherever_it_ends(tmp_path, mode):
    content = tar_bytes(frame_files("001"), mode)
    for length in [*range(100, len(content) - 1, 128), *range(512, len(content), 512)]:
        if mode == "w" and not content[length - 512 : length].strip(b"\0") and length > len(content) - 10240:
            continue  # inside the zeros at the end nothing is lost
        (tmp_path / "001.tar.gz").write_bytes(content[:length])
        with pytest.raises(UnreadableError, match=r"001.tar.gz cannot be read: .*Fetch the archive again"):
            raw_sequences(tmp_path / "001.tar.gz")


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["001.tar.gz", "raw.zip"])
def test_a_file_that_only_has_the_name_of_an_archive_is_an_error_that_names_it(tmp_path, name):
    (tmp_path / name).write_bytes(b"not an archive at all" * 100)
    with pytest.raises(UnreadableError, match=f"{name} cannot be read: "):
        raw_sequences(tmp_path / name)


@pytest.mark.bad_input
def test_a_damaged_member_of_a_zip_costs_one_frame(tmp_path):
    content = bytearray(zip_bytes(GOOD))
    content[content.index(b"IDAT") + 6] ^= 255  # stored without compression: the checksum of this member is now wrong
    (tmp_path / "raw.zip").write_bytes(content)
    (sequence,) = raw_sequences(tmp_path / "raw.zip")
    kinds = [getattr(frame, "reason", "fine") for _, frame in sequence.frames()]
    assert kinds[1:] == ["fine", "fine"] and kinds[0].startswith("unreadable file (Bad CRC-32")


@pytest.mark.bad_input
@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("damage", ["name", "size", "checksum", "zeros", "concatenated"])
def test_a_damaged_header_in_a_tar_does_not_end_it_in_silence(tmp_path, mode, damage):
    content = bytearray(tar_bytes(frame_files(num_frames=4), "w"))
    headers = [place for place in range(0, len(content), 512) if content[place : place + 4] == b"001/"]
    assert len(headers) == 4
    at = {"name": 5, "size": 130, "checksum": 150}
    if damage == "concatenated":
        content += tar_bytes(frame_files("002"), "w")
    elif damage == "zeros":
        content[headers[2] : headers[2] + 512] = bytes(512)
    else:
        content[headers[2] + at[damage]] ^= 1
    path = tmp_path / ("001.tar" if mode == "w" else "001.tar.gz")
    path.write_bytes(bytes(content) if mode == "w" else gzip.compress(bytes(content)))
    with pytest.raises(UnreadableError, match=r"001.tar.* cannot be read: (the header at byte \d+ is|there are data)"):
        prepare(tmp_path, out=tmp_path.with_name(f"{tmp_path.name}-out"), workers=1, progress=False)
