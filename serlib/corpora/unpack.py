"""Unpacking an archive that may be hostile: no member leaves its folder, nor fills the disk."""

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from serlib.corpora.schema import leaves
from serlib.errors import CorpusError

_MEMBERS = 50_000
_PIECE = 1 << 20
_LITTER = ("__MACOSX", ".DS_Store")


def unpack(archive: Path, folder: Path, limit: int, strip: str = "") -> None:
    """Unpack a zip archive into a folder; refuse it as a whole rather than skip a bad member.

    All names are looked at before anything is written. The caller throws the folder away if this
    raises.

    Args:
        archive: the zip file.
        folder: there, and the caller's own.
        limit: the bytes that all members together may have, counted as they are written: what an
            archive says of its own size is not to be trusted.
        strip: a folder that all members are in, and that is left away.

    Raises:
        CorpusError: no readable zip file, or a member that is a link or device, is encrypted,
            leaves the folder, comes twice, or brings the whole over the limit.
    """
    folder = folder.resolve()
    try:
        with zipfile.ZipFile(archive) as opened:
            places = _places(opened.infolist(), archive.name, folder, strip)
            for place in places:
                (folder / place).parent.mkdir(parents=True, exist_ok=True)
            for place, member in places.items():
                with opened.open(member) as content, (folder / place).open("xb") as file:
                    limit = _copy(content, file, limit, archive.name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise CorpusError(f"{archive.name}: no readable zip archive ({error})") from None


def _places(
    members: list[zipfile.ZipInfo], archive: str, folder: Path, strip: str
) -> dict[str, zipfile.ZipInfo]:
    """Map each file's place in the folder to its member."""
    places, seen = {}, set()
    if len(members) > _MEMBERS:
        raise CorpusError(f"{archive}: has {len(members)} members, more than {_MEMBERS}")
    for member in members:
        path = PurePosixPath(member.filename)
        if member.is_dir() or set(path.parts) & set(_LITTER):
            continue
        if reason := _unsafe(member, path, folder):
            raise CorpusError(f"{archive}: member {member.filename!r} {reason}; it is not unpacked")
        if strip and path.parts[0] != strip:
            raise CorpusError(f"{archive}: member {member.filename!r} is not in {strip}/")
        place = str(path.relative_to(strip) if strip else path)
        if place.lower() in seen:  # On some disks, names differ by more than upper case.
            raise CorpusError(f"{archive}: member {member.filename!r} comes twice")
        seen.add(place.lower())
        places[place] = member
    return places


def _unsafe(member: zipfile.ZipInfo, path: PurePosixPath, folder: Path) -> str:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "is a link or a device"
    if member.flag_bits & 1:
        return "is encrypted"
    # Backslash and colon are Windows' ways to another folder, disk or stream.
    odd = ".." in path.parts or any(sign in member.filename for sign in "\\:\0")
    if odd or not path.parts or leaves(member.filename, folder):
        return "leaves its folder"
    return ""


def _copy(content, file, left: int, archive: str) -> int:
    """Copy a member; return how many bytes are left of the limit."""
    while piece := content.read(_PIECE):
        left -= len(piece)
        if left < 0:
            raise CorpusError(f"{archive}: unpacks to more than it should; it is not unpacked")
        file.write(piece)
    return left
