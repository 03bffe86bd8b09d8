"""`utils.get_file`: a file is fetched once, checked, and unpacked where Keras puts it."""

import hashlib
import io
import os
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from datasets.test_datasets import Mirror
from fanin.utils import get_file

CONTENT = b"mpg,weight\n18,3504\n"
SHA256, MD5 = hashlib.sha256(CONTENT).hexdigest(), hashlib.md5(CONTENT).hexdigest()


def tar(name: str = "inner/a.csv", mode: str = "w:gz") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]
        member = tarfile.TarInfo(name)
        member.size = len(CONTENT)
        archive.addfile(member, io.BytesIO(CONTENT))
    return packed.getvalue()


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inner/a.csv", CONTENT)
    return packed.getvalue()


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    files = {
        "auto.csv": CONTENT,
        "auto.tar.gz": tar(),
        "plain.tar": tar(mode="w"),
        "auto.zip": zipped(),
        "evil.tar": tar("../../outside.csv", "w"),
    }
    with Mirror(files) as server:
        yield server


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras"


def test_it_is_fetched_once_to_where_keras_puts_it(mirror: Mirror, home: Path) -> None:
    path = get_file("cars.csv", mirror.url + "auto.csv")
    assert path == str(home / "datasets" / "cars.csv")
    assert Path(path).read_bytes() == CONTENT
    assert get_file("cars.csv", mirror.url + "auto.csv") == path
    assert mirror.asked == ["/auto.csv"]
    assert os.listdir(home / "datasets") == ["cars.csv"]


def test_its_name_is_that_of_the_url_and_its_folder_what_is_asked_for(
    mirror: Mirror, tmp_path: Path
) -> None:
    path = get_file(
        origin=mirror.url + "auto.csv?raw=1", cache_dir=tmp_path / "c", cache_subdir="s"
    )
    assert path == str(tmp_path / "c" / "s" / "auto.csv")


@pytest.mark.parametrize("how", [{"file_hash": SHA256}, {"md5_hash": MD5}, {"file_hash": MD5}])
def test_what_is_there_and_is_not_it_is_fetched_again(
    mirror: Mirror, home: Path, how: dict[str, Any]
) -> None:
    (home / "datasets").mkdir(parents=True)
    there = home / "datasets" / "auto.csv"
    there.write_text("half of i")
    assert get_file(origin=mirror.url + "auto.csv") == str(there)  # nobody said what it should be
    assert there.read_text() == "half of i"
    get_file(origin=mirror.url + "auto.csv", **how)
    assert there.read_bytes() == CONTENT
    get_file(origin=mirror.url + "auto.csv", **how)
    get_file(origin=mirror.url + "auto.csv", force_download=True, **how)
    assert mirror.asked == 2 * ["/auto.csv"]


def test_other_bytes_are_not_kept_and_what_was_there_stays(mirror: Mirror, home: Path) -> None:
    (home / "datasets").mkdir(parents=True)
    there = home / "datasets" / "auto.csv"
    there.write_text("mine")
    with pytest.raises(ValueError, match=r"file_hash: expected sha256:0+, found another one"):
        get_file(origin=mirror.url + "auto.csv", file_hash="0" * 64)
    with pytest.raises(ConnectionError, match="could not be fetched"):
        get_file("auto.csv", mirror.url + "elsewhere.csv", force_download=True)
    assert there.read_text() == "mine"
    assert os.listdir(home / "datasets") == ["auto.csv"]


@pytest.mark.parametrize("name", ["auto.tar.gz", "plain.tar", "auto.zip"])
def test_archives_are_unpacked(mirror: Mirror, home: Path, name: str) -> None:
    folder = get_file(origin=mirror.url + name, extract=True)
    assert folder == str(home / "datasets" / name)
    assert (Path(folder) / "inner" / "a.csv").read_bytes() == CONTENT
    again = get_file("cars", mirror.url + name, extract=True)
    assert again == str(home / "datasets" / "cars")
    dotted = get_file("a.b.c", mirror.url + name, extract=True)
    assert dotted == str(home / "datasets" / "a_extracted")
    assert (Path(dotted) / "inner" / "a.csv").exists()


@pytest.mark.parametrize(
    "options", [{}, {"extract": True}, {"fname": "cars", "extract": True}, {"untar": True}]
)
@pytest.mark.parametrize("name", ["auto.tar.gz", "plain.tar"])
def test_the_folders_are_keras_own(
    mirror: Mirror, home: Path, name: str, options: dict[str, Any]
) -> None:
    keras = pytest.importorskip("keras")
    ours = get_file(origin=mirror.url + name, **options)
    assert keras.utils.get_file(origin=mirror.url + name, cache_dir=str(home), **options) == ours
    assert mirror.asked == [f"/{name}"]  # Keras found what was there


def test_no_member_leaves_the_folder(mirror: Mirror, home: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unsafe"):
        get_file(origin=mirror.url + "evil.tar", untar=True)
    assert not list(tmp_path.rglob("outside.csv"))


def test_what_is_no_archive_is_refused(mirror: Mirror) -> None:
    for options, expected in [
        ({"extract": True}, "a tar or zip file"),
        ({"untar": True}, "a tar file"),
    ]:
        with pytest.raises(ValueError, match=f"archive_format: expected {expected}"):
            get_file(origin=mirror.url + "auto.csv", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"origin": None}, "origin: expected the URL"),
        ({"origin": 3}, "origin: expected"),
        ({"origin": "http://localhost/"}, "fname: expected a name"),
        ({"fname": "a/b.csv"}, "fname: expected a name without folders"),
        ({"file_hash": "12"}, "file_hash: expected 32 or 64 hexadecimal digits, found '12'"),
        ({"md5_hash": "0" * 64}, "md5_hash: expected 32 hexadecimal digits"),
        ({"hash_algorithm": "crc"}, "hash_algorithm: expected"),
        ({"extract": True, "archive_format": "rar"}, "archive_format: expected"),
        ({"extract": True, "archive_format": None}, "archive_format: expected"),
        ({"origin": "nowhere://a/b"}, "origin: expected"),
        ({"cache_dir": 3}, "cache_dir: expected"),
        ({"untar": "yes"}, "untar: expected"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        get_file(**({"origin": "http://localhost/a.csv"} | arguments))


def test_without_pooch_what_is_there_is_found(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=r'pip install "fanin\[data\]"'):
        get_file(origin="http://localhost/a.csv")
    (home / "datasets").mkdir(parents=True)
    (home / "datasets" / "a.csv").write_bytes(CONTENT)
    assert get_file(origin="http://localhost/a.csv", file_hash=SHA256).endswith("a.csv")
