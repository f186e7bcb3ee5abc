"""Opens the one file of data inside a zip archive."""

import zipfile
from typing import BinaryIO, cast

from schemas.errors import ConfigurationError

_IS_ENCRYPTED = 1
#: What workbooks of Excel and of OpenDocument have among their members.
_WORKBOOK = frozenset({"[Content_Types].xml", "mimetype"})
#: Names of archive members that are no data: what macOS adds, and checksums.
_NO_DATA = ("__macosx/", ".ds_store", ".checksum")


def member_of(file: BinaryIO, name: str) -> tuple[BinaryIO, str]:
    """Return the one file of data inside a zip archive, opened, and its name.

    Args:
        file: The archive.
        name: Of the archive, for errors.

    Raises:
        ConfigurationError: If the archive holds several files, is encrypted, or is compressed in an unknown way.
    """
    try:
        archive = zipfile.ZipFile(file)
    except NotImplementedError as error:
        raise ConfigurationError(_not_unpacked(name, error)) from error
    members = [
        found.filename
        for found in archive.infolist()
        if not found.is_dir() and not any(mark in found.filename.lower() for mark in _NO_DATA)
    ]
    if not _WORKBOOK.isdisjoint(members):
        message = (
            f"{name} seems to be a workbook of a spreadsheet program: save its sheet as CSV and give that"
        )
        raise ConfigurationError(message)
    if len(members) != 1:
        shown = ", ".join(members[:3]) + (", ..." if len(members) > 3 else "")
        message = f"{name} is an archive of {len(members)} files ({shown}): unpack it and give one of them"
        raise ConfigurationError(message)
    return _opened_member(archive, members[0], name), members[0]


def _opened_member(archive: zipfile.ZipFile, member: str, name: str) -> BinaryIO:
    if archive.getinfo(member).flag_bits & _IS_ENCRYPTED:
        message = f"{name} is an encrypted archive: unpack it with its password and give the file in it"
        raise ConfigurationError(message)
    try:
        return cast("BinaryIO", archive.open(member))
    except RuntimeError as error:
        raise ConfigurationError(_not_unpacked(name, error)) from error


def _not_unpacked(name: str, error: Exception) -> str:
    return f"{name} is an archive that cannot be unpacked here ({error}): unpack it and give the file in it"
