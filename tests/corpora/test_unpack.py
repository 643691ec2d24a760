"""Archives that would leave their folder, fill the disk or hide something are refused whole."""

import stat
import zipfile

import pytest

from serlib.corpora.unpack import unpack
from serlib.errors import CorpusError


@pytest.fixture
def archive(tmp_path):
    """Write a zip file with an innocent member first, then the given ones."""

    def write(*members, compression=zipfile.ZIP_DEFLATED):
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", compression) as opened:
            for member, content in (("ok.txt", "fine"), *members):
                opened.writestr(member, content)
        (tmp_path / "into").mkdir()
        return path, tmp_path / "into"

    return write


def special(name, kind):
    member = zipfile.ZipInfo(name)
    member.create_system = 3
    member.external_attr = (kind | 0o777) << 16
    return member


def test_members_and_empty_files_are_there_and_litter_is_not(archive):
    path, folder = archive(
        ("sub/deep/a.txt", "a"), ("empty", ""), ("__MACOSX/sub/._a.txt", "x"), ("sub/.DS_Store", "")
    )
    unpack(path, folder, limit=5)
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert there == {"ok.txt", "sub/deep/a.txt", "empty"}
    assert (folder / "sub/deep/a.txt").read_text() == "a"


@pytest.mark.parametrize(
    "name",
    ["../evil", "sub/../../evil", "/evil", "..\\evil", "C:/evil", "C:evil", "a/..", "ok:stream"],
)
def test_no_member_leaves_its_folder(archive, tmp_path, name):
    path, folder = archive((name, "evil"))
    with pytest.raises(CorpusError, match="leaves its folder; it is not unpacked"):
        unpack(path, folder, limit=1000)
    assert list(folder.iterdir()) == [] and not (tmp_path / "evil").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO])
def test_links_and_devices_are_refused(archive, kind):
    path, folder = archive((special("x", kind), "/etc/passwd"))
    with pytest.raises(CorpusError, match="'x' is a link or a device"):
        unpack(path, folder, limit=1000)
    assert list(folder.iterdir()) == []


def test_a_regular_file_with_a_unix_mode_is_taken(archive):
    path, folder = archive((special("x", stat.S_IFREG), "fine"))
    unpack(path, folder, limit=1000)
    assert (folder / "x").read_text() == "fine" and not (folder / "x").stat().st_mode & stat.S_ISUID


def test_a_bomb_is_stopped_at_the_limit_whatever_it_says_of_itself(archive):
    path, folder = archive(("zeros", b"\0" * 50_000_000))
    assert path.stat().st_size < 100_000
    raw = path.read_bytes().replace((50_000_000).to_bytes(4, "little"), (9).to_bytes(4, "little"))
    for content in (path.read_bytes(), raw):
        path.write_bytes(content)
        with pytest.raises(CorpusError, match=r"unpacks to more|no readable zip"):
            unpack(path, folder, limit=1_000_000)
        written = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
        assert written <= 1_000_004
        for file in folder.iterdir():
            file.unlink()


def test_the_limit_is_for_all_members_together(archive):
    path, folder = archive(("a", "x" * 50), ("b", "x" * 50))
    with pytest.raises(CorpusError, match="unpacks to more than it should"):
        unpack(path, folder, limit=103)


def test_too_many_members(archive, monkeypatch):
    monkeypatch.setattr("serlib.corpora.unpack._MEMBERS", 2)
    path, folder = archive(("a", ""), ("b", ""))
    with pytest.raises(CorpusError, match="3 members, more than 2"):
        unpack(path, folder, limit=100)


def test_a_member_that_comes_twice_does_not_replace_the_first(archive):
    path, folder = archive(("OK.txt", "other"))
    with pytest.raises(CorpusError, match=r"'OK.txt' comes twice"):
        unpack(path, folder, limit=100)


def test_strip_takes_away_one_folder_and_only_that(archive):
    path, folder = archive(("top/a.txt", "a"))
    with pytest.raises(CorpusError, match=r"'ok.txt' is not in top/"):
        unpack(path, folder, limit=100, strip="top")


def test_damaged_and_encrypted_archives(archive, tmp_path):
    path, folder = archive(("a.txt", "abc" * 1000), compression=zipfile.ZIP_STORED)
    sound = path.read_bytes()
    path.write_bytes(sound.replace(b"abcabc", b"abcabd", 1))
    with pytest.raises(CorpusError, match=r"a.zip: no readable zip archive \(Bad CRC"):
        unpack(path, folder, limit=10_000)
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(CorpusError, match="no readable zip"):
        unpack(path, folder, limit=10_000)
    # Bit 0 of the flags, in the central directory, says that a member is encrypted.
    at = sound.rindex(b"PK\x01\x02") + 8
    path.write_bytes(sound[:at] + b"\x01" + sound[at + 1 :])
    with pytest.raises(CorpusError, match="is encrypted"):
        unpack(path, folder, limit=10_000)
