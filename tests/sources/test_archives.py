"""Archives: the same samples as from a folder, and everything that could do harm refused by name."""

import io
import shutil
import struct
import tarfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.core.errors import UserError
from stages.sources import archives

BOTH = {"image": "file", "label": "label"}
AGAIN = "fetch the archive again"
HARMLESS = "unpack it where it can do no harm, and set fetch.path to the folder"
KINDS = ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"]
FILES = {
    "train/dog/2.png": b"22",
    "train/cat/1.png": b"1",
    "val/cat/3.png": b"333",
    "index.csv": b"file\n2.png\n1.png\n",
}


def pack(kind: str, files: dict[str, bytes], path: str = "set") -> None:
    """An archive under a name without a suffix, its members in the order given."""
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return
    with tarfile.open(path, f"w:{kind.partition('.')[2]}") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def special(kind: bytes, name: str = "cat/2.png", link: str = "/etc/passwd", path: str = "set") -> None:
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        archive.addfile(info)


def refused(open_folder, **options) -> tuple[str, str]:
    with pytest.raises(UserError) as caught:
        open_folder("set", **options)
    return str(caught.value), caught.value.hint


def refused_when_read(open_folder) -> tuple[str, str]:
    reading = open_folder("set")
    with pytest.raises(UserError) as caught:
        list(reading.parts[0].batches)
    return str(caught.value), caught.value.hint


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_gives_the_splits_and_the_digest_of_its_folder(open_folder, as_samples, kind):
    pack(kind, FILES)
    with (zipfile.ZipFile if kind == "zip" else tarfile.open)("set") as archive:
        archive.extractall("unpacked")
    options = {"suffixes": [".png"], "splits_from_folders": True}
    packed, plain = (open_folder(path, **options) for path in ("set", "unpacked"))
    one, other = (as_samples(reading, BOTH, splits={"val": "validation"}) for reading in (packed, plain))
    order = [("id", "ascending")]
    own = ["source", "row"]  # a compressed tar is read in its own order
    assert one.drop_columns(own).sort_by(order) == other.drop_columns(own).sort_by(order)
    assert one.num_rows == 3
    assert packed.provenance()["sha256"] == plain.provenance()["sha256"]
    assert packed.provenance()["kind"] == kind
    assert not Path("train").exists()


@pytest.mark.parametrize(("kind", "names"), [("zip", "12"), ("tar", "12"), ("tar.gz", "21")])
def test_members_come_by_name_and_those_of_a_compressed_tar_in_its_order(open_folder, as_samples, kind, names):
    pack(kind, {"./train//cat/2.png": b"2", "train/cat/1.png": b"1"})
    table = as_samples(open_folder("set"), BOTH)
    assert [cell["path"] for cell in table["image"].to_pylist()] == [f"train/cat/{name}.png" for name in names]


@pytest.mark.parametrize(
    ("kind", "files"), [("zip", ["2", "1", "2"]), ("tar", ["2", "1", "2"]), ("tar.gz", ["2", "2", "1"])]
)
def test_an_index_inside_an_archive_gives_the_columns(open_folder, as_samples, kind, files):
    pack(kind, {"a/2.png": b"2", "a/1.png": b"1", "a/i.csv": b"file,n\n2.png,x\n1.png,y\na/2.png,z\n"})
    table = as_samples(open_folder("set", index="a/i.csv"), {"image": "file"}, extra=["n"])
    assert [cell["bytes"].decode() for cell in table["image"].to_pylist()] == files
    assert {row[0][1] for row in table["extra"].to_pylist()} == {"x", "y", "z"}


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize(
    "name", ["../x.png", "a/../../x.png", "/x.png", "..\\x.png", "C:\\x.png", "c:/x.png", "a\\..\\..\\b"]
)
def test_a_name_that_leads_out_is_refused(open_folder, kind, name):
    pack(kind, {"cat/1.png": b"1", name: b"2"})
    assert refused(open_folder) == (f"set: {name}: a name that leads out of the archive, or none", HARMLESS)


def test_a_folder_with_such_a_name_is_refused_too(open_folder):
    special(tarfile.DIRTYPE, "../x")
    assert refused(open_folder)[0] == "set: ../x: a name that leads out of the archive, or none"


def test_control_characters_of_a_name_are_spelt_out(open_folder):
    pack("tar", {"../\x1b[2J\n": b"1"})
    assert refused(open_folder)[0] == r"set: '../\x1b[2J\n': a name that leads out of the archive, or none"


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.CHRTYPE, "a device, pipe or unknown kind of entry"),
        (tarfile.FIFOTYPE, "a device, pipe or unknown kind of entry"),
        (b"Z", "a device, pipe or unknown kind of entry"),
    ],
)
def test_a_tar_with_a_link_or_device_is_refused(open_folder, kind, what):
    special(kind)
    assert refused(open_folder) == (f"set: cat/2.png: {what}, which is not read from archives", HARMLESS)


@pytest.mark.parametrize(("mode", "what"), [(0o120777, "a link"), (0o020666, "a device or pipe")])
def test_a_zip_with_a_link_or_device_is_refused(open_folder, mode, what):
    info = zipfile.ZipInfo("cat/2.png")
    info.external_attr = mode << 16
    with zipfile.ZipFile("set", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert refused(open_folder) == (f"set: cat/2.png: {what}, which is not read from archives", HARMLESS)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("second", ["cat/1.png", "./cat/1.png"])
def test_a_name_that_comes_twice_is_refused(open_folder, kind, second):
    if kind == "zip":
        with zipfile.ZipFile("set", "w") as archive:
            archive.writestr("cat/1.png", "1")
            archive.writestr(second, "2")
    else:
        with tarfile.open("set", "w") as archive:
            archive.addfile(tarfile.TarInfo("cat/1.png"))
            archive.addfile(tarfile.TarInfo(second))
    told = refused(open_folder)
    assert told == ("set: cat/1.png: a name that comes twice", "make the archive again, each file once")


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"max_files": 2}, "set: c: one more than fetch.options.max_files (2)"),
        ({"max_file_bytes": 2}, "set: c: 3 bytes, more than fetch.options.max_file_bytes (2)"),
        ({"max_total_bytes": 5}, "set: c: 6 bytes up to here, more than fetch.options.max_total_bytes (5)"),
    ],
)
def test_a_limit_names_the_member_and_its_option(open_folder, kind, options, what):
    pack(kind, {"a": b"1", "b": b"22", "c": b"333"})
    option = next(iter(options))
    hint = f"set fetch.options.{option} higher if you trust this data, or take the file out"
    assert refused(open_folder, **options) == (what, hint)


@pytest.fixture(scope="session")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`bomb(kind)`: an archive of 200 MB of zeros in less than 1 MB."""
    folder = tmp_path_factory.mktemp("bombs")

    def make(kind: str) -> Path:
        path = folder / kind
        if not path.exists():
            pack(kind, {"cat/1.png": bytes(200_000_000)}, str(path))
        return path

    return make


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_bomb_is_refused_by_its_declared_size_without_unpacking(open_folder, bomb, kind):
    shutil.copy(bomb(kind), "set")
    assert Path("set").stat().st_size < 1_000_000
    tracemalloc.start()
    begin = time.perf_counter()
    what = refused(open_folder)[0]
    seconds, peak = time.perf_counter() - begin, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert what == "set: cat/1.png: 200,000,000 bytes, more than fetch.options.max_file_bytes (1,048,576)"
    assert seconds < 0.5
    assert peak < 4_000_000


def lie(path: str, offset: int, size: int) -> None:
    """Write another unpacked size into the zip's central directory, which is what is declared."""
    content = bytearray(Path(path).read_bytes())
    struct.pack_into("<I", content, content.rindex(b"PK\x01\x02") + offset, size)
    Path(path).write_bytes(content)


def test_a_bomb_whose_header_lies_is_stopped_at_what_it_declared(open_folder, bomb):
    shutil.copy(bomb("zip"), "set")
    lie("set", 24, 1_000)
    tracemalloc.start()
    what = refused_when_read(open_folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert what == ("set: damaged or cut off archive (Bad CRC-32 for file 'cat/1.png')", AGAIN)
    assert peak < 4_000_000


def test_a_zip_that_declares_more_than_it_holds_is_told(open_folder):
    pack("zip", {"cat/1.png": b"1" * 100})
    lie("set", 24, 200)
    what = refused_when_read(open_folder)
    assert what == ("set: cat/1.png: damaged or cut off: 100 bytes where 200 were declared", AGAIN)


def test_a_tar_whose_header_claims_gigabytes_of_header_is_told(open_folder):
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 2**33
    with tarfile.open("set", "w:gz") as archive:
        archive.fileobj.write(info.tobuf(tarfile.GNU_FORMAT) + bytes(2**22))
    assert refused(open_folder) == ("set: damaged or cut off archive (a header of 8,589,934,592 bytes)", AGAIN)


def test_an_encrypted_zip_is_refused(open_folder):
    pack("zip", {"cat/1.png": b"1"})
    content = bytearray(Path("set").read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    Path("set").write_bytes(content)
    assert refused(open_folder) == (
        "set: cat/1.png: encrypted",
        "unpack it, and set fetch.path to the folder",
    )


@pytest.mark.parametrize(("method", "name"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "lzma")])
def test_a_zip_with_a_method_that_unpacks_without_bound_is_refused(open_folder, method, name):
    with zipfile.ZipFile("set", "w", method) as archive:
        archive.writestr("cat/1.png", "1")
    assert refused(open_folder)[0] == f"set: cat/1.png: compressed with {name}, where deflate or none is read"


def test_a_tar_with_holes_is_refused(open_folder):
    info = tarfile.TarInfo("cat/1.png")
    info.type = tarfile.GNUTYPE_SPARSE
    with tarfile.open("set", "w") as archive:
        archive.fileobj.write(info.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))
    assert refused(open_folder)[0] == "set: cat/1.png: a file with holes (sparse)"


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_that_is_cut_off_is_told(open_folder, kind):
    import random

    pack(kind, {"cat/1.png": random.Random(0).randbytes(50_000)})
    Path("set").write_bytes(Path("set").read_bytes()[:30_000])
    what, hint = refused(open_folder)
    assert what.startswith("set: damaged or cut off archive (")
    assert hint == AGAIN


def test_a_tar_with_a_broken_header_within_is_not_taken_for_its_end(open_folder):
    pack("tar", {"a": b"1", "b": b"2"})
    content = bytearray(Path("set").read_bytes())
    content[1024:1034] = b"\xff" * 10
    Path("set").write_bytes(content)
    assert refused(open_folder) == ("set: damaged or cut off archive (no header at byte 1,024)", AGAIN)


@pytest.mark.parametrize("content", [b"", b"text\n", b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c" + bytes(600)])
def test_another_kind_of_file_is_told(open_folder, content):
    Path("set").write_bytes(content)
    what, hint = refused(open_folder)
    if content == b"\x1f\x8b":
        assert (what, hint) == (
            "set: damaged or cut off archive (Compressed file ended before the end-of-stream marker was reached)",
            AGAIN,
        )
    else:
        assert what == (
            "params.yaml: fetch.path: set: neither a folder nor an archive of a kind that is read: "
            ".zip, .tar, .tar.gz, .tar.bz2, .tar.xz"
        )
        assert hint == "unpack it, and set fetch.path to the folder"


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_without_files_is_told(open_folder, kind):
    pack(kind, {})
    assert refused(open_folder) == ("params.yaml: fetch.path: set: no files", "correct fetch.path")


def test_an_archive_within_an_archive_is_a_file_like_any_other(open_folder, as_samples, bomb):
    pack("zip", {"cat/1.zip": bomb("zip").read_bytes()})
    table = as_samples(open_folder("set"), BOTH)
    assert table["image"][0].as_py()["bytes"] == bomb("zip").read_bytes()


def test_no_damage_of_a_byte_ends_in_anything_but_samples_or_a_message(open_folder, as_samples):
    import random

    draw = random.Random(7)
    for kind in KINDS:
        pack(kind, {f"cat/{number}.png": bytes([number]) * 40 for number in range(3)})
        whole = Path("set").read_bytes()
        for _ in range(60):
            broken = bytearray(whole)
            for _ in range(draw.randint(1, 4)):
                broken[draw.randrange(min(len(broken), 5_000))] = draw.randrange(256)
            Path("set").write_bytes(broken)
            try:
                assert len(as_samples(open_folder("set"), BOTH)) <= 3
            except UserError as error:
                assert str(error).startswith(("set: ", "params.yaml: fetch.path: set")) and error.hint


def test_a_member_is_read_only_when_its_batch_is_asked_for(open_folder, monkeypatch):
    pack("tar.gz", {f"cat/{number}.png": bytes(10) for number in range(5)})
    read = []
    whole = archives._whole
    monkeypatch.setattr(archives, "_whole", lambda *given: read.append(given[1].name) or whole(*given))
    monkeypatch.setattr("stages.sources.folder.BATCH_BYTES", 20)
    batches = open_folder("set").parts[0].batches
    assert next(batches).rows == 2
    assert read == ["cat/0.png", "cat/1.png"]
