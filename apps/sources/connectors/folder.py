"""A folder on this machine or a share mounted on it, below a root that the environment names."""

import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError, ErrorCode
from apps.sources.connectors.base import (
    Connector,
    Entry,
    Gap,
    LinesField,
    Opened,
    SettingsForm,
    Trial,
    Values,
)

READ_AT_ONCE = 1024 * 1024
DEEPEST = 40
# A file that changed less than this ago may still be on its way.
AT_REST_S = 5.0
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
# Lock files of office programs, downloads under way, leavings of systems.
_PASSING = ("~$*", ".*", "*.part", "*.crdownload", "*.tmp", "Thumbs.db", "desktop.ini")


class FolderForm(SettingsForm):
    path = forms.CharField(
        label=_("Folder"),
        max_length=1000,
        help_text=_("Its full path on the machine that Footnote runs on, with all folders in it."),
    )
    only = LinesField(
        label=_("Only files like"),
        required=False,
        help_text=_("One pattern a line, for example *.pdf or contracts/*. Empty: all files."),
    )
    without = LinesField(label=_("But not files like"), required=False)

    def clean_path(self) -> str:
        path = str(self.cleaned_data["path"])
        try:
            _allowed(path)
        except AppError as error:
            raise forms.ValidationError(
                _("Choose a folder below one of these: %(roots)s")
                % {"roots": ", ".join(map(str, settings.SOURCE_FOLDERS)) or "–"}
            ) from error
        return path


class Folder(Connector):
    """Files below a folder. Symbolic links are not followed, wherever they lead."""

    kind = "folder"
    label = _("Folder")
    about = _("A folder of this machine, or a network share that is mounted on it.")
    form = FolderForm

    def __init__(self, values: Values, secrets: Mapping[str, str]) -> None:
        super().__init__(values, secrets)
        self._odd: dict[str, PurePosixPath] = {}

    def trials(self) -> Sequence[Trial]:
        return ((_("The folder can be opened"), lambda: str(self._base())),)

    def list(self) -> Iterator[Entry | Gap]:
        yield from self._below(self._base(), PurePosixPath(), time.time())

    def _base(self) -> Path:
        base = _allowed(str(self.values["path"]))
        try:
            os.scandir(base).close()
        except FileNotFoundError as error:
            raise AppError(ErrorCode.SOURCE_MISSING, status=422) from error
        except OSError as error:
            raise AppError(ErrorCode.SOURCE_NOT_ALLOWED, status=422, reason="folder") from error
        return base

    def _below(self, folder: Path, at: PurePosixPath, now: float) -> Iterator[Entry | Gap]:
        try:
            with os.scandir(folder) as listed:
                found = sorted(listed, key=lambda each: each.name)
        except OSError:
            yield Gap(str(at), ErrorCode.SOURCE_NOT_ALLOWED)
            return
        for each in found:
            place = at / each.name
            if _is_passing(each.name) or each.is_symlink():
                continue
            if each.is_dir(follow_symlinks=False):
                if len(place.parts) > DEEPEST:
                    yield Gap(str(place), ErrorCode.SOURCE_LIMIT)
                else:
                    yield from self._below(Path(each.path), place, now)
            elif each.is_file(follow_symlinks=False) and self._is_wanted(place):
                yield from self._entry(each, place, now)

    def _is_wanted(self, place: PurePosixPath) -> bool:
        def fits(patterns: object) -> bool:
            names = (str(place), place.name)
            return any(
                fnmatchcase(name, str(pattern))
                for pattern in (patterns if isinstance(patterns, list) else ())
                for name in names
            )

        only = self.values.get("only")
        return (not only or fits(only)) and not fits(self.values.get("without"))

    def _entry(self, found: "os.DirEntry[str]", at: PurePosixPath, now: float) -> Iterator[Entry]:
        try:
            about = found.stat(follow_symlinks=False)
        except OSError:  # gone since the folder was read
            return
        key = _as_text(str(at))
        if key != str(at):
            self._odd[key] = at
        is_moving = 0 <= now - about.st_mtime < AT_REST_S
        folder, _slash, name = key.rpartition("/")
        yield Entry(
            key=key,
            name=name,
            fingerprint=f"{about.st_mtime_ns}:{about.st_size}",
            folder=folder,
            modified=datetime.fromtimestamp(about.st_mtime, UTC),
            size=about.st_size,
            held=ErrorCode.STILL_WRITTEN if is_moving else "",
        )

    @contextmanager
    def open(self, entry: Entry) -> Iterator[Opened]:
        base = _allowed(str(self.values["path"]))
        try:
            opened = _opened(base, self._odd.get(entry.key, PurePosixPath(entry.key)))
        except FileNotFoundError as error:
            raise AppError(ErrorCode.STILL_WRITTEN, status=422) from error
        except OSError as error:
            raise AppError(ErrorCode.SOURCE_NOT_ALLOWED, status=422) from error
        with os.fdopen(opened, "rb") as file:
            yield Opened(_pieces(file.fileno()))


def _as_text(name: str) -> str:
    """Names of files are bytes; what is no UTF-8 in them is spelled out."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _is_passing(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in _PASSING)


def _allowed(path: str) -> Path:
    """The real folder. Raises AppError SOURCE_NOT_ALLOWED unless it is below an allowed root."""
    wanted = Path(path)
    if wanted.is_absolute() and "\0" not in path:
        real = wanted.resolve()
        if any(real.is_relative_to(Path(root).resolve()) for root in settings.SOURCE_FOLDERS):
            return real
    raise AppError(ErrorCode.SOURCE_NOT_ALLOWED, status=422, reason="folder")


def _opened(base: Path, place: PurePosixPath) -> int:
    """A file below ``base``, opened folder by folder: a folder that was exchanged for a link since
    it was listed leads nowhere."""
    if place.is_absolute() or ".." in place.parts:
        raise AppError(ErrorCode.SOURCE_NOT_ALLOWED, status=422, reason="folder")
    at = os.open(base, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in place.parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | _NO_LINK, dir_fd=at)
            os.close(at)
            at = inner
        file = os.open(place.name, os.O_RDONLY | os.O_NONBLOCK | _NO_LINK, dir_fd=at)
    finally:
        os.close(at)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise AppError(ErrorCode.SOURCE_NOT_ALLOWED, status=422, reason="folder")
    return file


def _pieces(file: int) -> Iterator[bytes]:
    """The bytes, if nobody writes meanwhile. Raises AppError STILL_WRITTEN."""
    before = os.fstat(file)
    while piece := os.read(file, READ_AT_ONCE):
        yield piece
    after = os.fstat(file)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise AppError(ErrorCode.STILL_WRITTEN, status=422)
