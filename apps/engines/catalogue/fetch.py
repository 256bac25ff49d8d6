"""Fetches models once, checks them, and knows at once when they are there.

    python -m apps.engines.catalogue.fetch --models-dir DIR [--from FOLDER] [--check] [NAME ...]

Exit: 0 everything is there; 1 something could not be had; 3 (with --check) something is missing.
"""

import argparse
import contextlib
import fcntl
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from apps.engines.catalogue.catalogue import Model, UnknownModel, all_models, model
from apps.engines.catalogue.sources import SourceFailed, sha256_of, tries

_STAMP = ".fetched.json"
# Raised when a build step changes its output: folders of an older build are made again.
_BUILD = 2
_SPARE_BYTES = 500_000_000


class FetchFailed(Exception):
    """A model could not be had; the text says why, for the person at the console."""


def folder_of(models_dir: Path, name: str) -> Path:
    """Where a model is, or will be."""
    return models_dir / name


def is_present(models_dir: Path, name: str) -> bool:
    """Whether a model is there and untouched since it was checked. Reads no model file."""
    folder = folder_of(models_dir, name)
    stamp = _read_stamp(folder, model(name))
    try:
        return bool(stamp) and all(
            (size, changed) == _facts(folder / path) for path, (size, changed, _) in stamp.items()
        )
    except OSError:
        return False


_Stamp = dict[str, tuple[int, int, str]]


def _read_stamp(folder: Path, wanted: Model) -> _Stamp:
    """What was there when the folder was made: size, time and digest per file. Empty: unknown."""
    try:
        stamp = json.loads((folder / _STAMP).read_text("utf-8"))
        if (stamp["sha256"], stamp["build"]) != (wanted.sha256, _BUILD):
            return {}
        return {str(path): (int(a), int(b), str(c)) for path, (a, b, c) in stamp["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_unharmed(folder: Path, wanted: Model) -> bool:
    """Whether every file still has its digest: a folder that was copied has other times only."""
    stamp = _read_stamp(folder, wanted)
    try:
        return bool(stamp) and all(
            size == _facts(folder / path)[0] and digest == sha256_of(folder / path)
            for path, (size, _, digest) in stamp.items()
        )
    except OSError:
        return False


def fetch(models_dir: Path, name: str, *, source_folder: Path | None = None) -> Path:
    """The folder of a model, fetched if need be. Raises UnknownModel and FetchFailed."""
    wanted = model(name)
    if is_present(models_dir, name):  # before anything is written: the folder may be read-only
        return folder_of(models_dir, name)
    models_dir.mkdir(parents=True, exist_ok=True)
    with _alone(models_dir):
        if not is_present(models_dir, name):
            _fetch(models_dir, wanted, source_folder)
    return folder_of(models_dir, name)


@contextlib.contextmanager
def _alone(models_dir: Path) -> Iterator[None]:
    """One fetch at a time in a folder; a second one waits and then finds the models there."""
    with (models_dir / ".fetch.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            _say("Another process is fetching models; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(models_dir: Path, wanted: Model, source_folder: Path | None) -> None:
    folder = folder_of(models_dir, wanted.name)
    if _is_unharmed(folder, wanted):
        _write_stamp(wanted, folder)
        return
    work = models_dir / ".unfinished" / wanted.name
    work.mkdir(parents=True, exist_ok=True)
    built = work / "built"
    shutil.rmtree(built, ignore_errors=True)
    built.mkdir()
    if not _is_right(folder / wanted.file, wanted):
        _check_space(models_dir, wanted)
        _download(wanted, source_folder, work)
        file = work / wanted.file
    else:
        file = folder / wanted.file
    _build(wanted, file, built)
    _write_stamp(wanted, built)
    shutil.rmtree(folder, ignore_errors=True)
    built.replace(folder)
    shutil.rmtree(work)


def _download(wanted: Model, source_folder: Path | None, work: Path) -> None:
    target = work / wanted.file
    reasons = []
    for name, get in tries(wanted, source_folder, work, target):
        bar = Bar(wanted)
        try:
            get(bar.add)
            bar.end()
        except (SourceFailed, OSError) as error:
            bar.end()
            reasons.append(f"{name}: {error}")
            continue
        if _is_right(target, wanted):
            return
        reasons.append(f"{name}: the file is not the one that is listed (sha256 differs)")
        for path in work.glob("part*"):
            path.unlink()
        target.unlink(missing_ok=True)
    raise FetchFailed(f"{wanted.name} could not be fetched.\n  " + "\n  ".join(reasons))


def _is_right(path: Path, wanted: Model) -> bool:
    if not path.is_file() or path.stat().st_size != wanted.size:
        return False
    return sha256_of(path) == wanted.sha256


def _check_space(models_dir: Path, wanted: Model) -> None:
    free = shutil.disk_usage(models_dir).free
    need = 2 * wanted.size + _SPARE_BYTES
    if free < need:
        raise FetchFailed(
            f"{models_dir} has {free >> 20} MiB left; {wanted.name} needs {need >> 20} MiB."
        )


def _build(wanted: Model, file: Path, target: Path) -> None:
    if wanted.build == "e5":
        from apps.engines.adapters.e5_folder import convert  # noqa: PLC0415 - heavy: onnx, torch

        _say(f"{wanted.name}: converting, about half a minute")
        convert(file, target)
    else:
        file.replace(target / wanted.file)


def _write_stamp(wanted: Model, folder: Path) -> None:
    files = {
        str(path.relative_to(folder)): (*_facts(path), sha256_of(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != _STAMP
    }
    stamp = {"sha256": wanted.sha256, "build": _BUILD, "licence": wanted.licence, "files": files}
    (folder / _STAMP).write_text(json.dumps(stamp, indent=1), "utf-8")


def _facts(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


class Bar:
    """Bytes that have arrived, on the standard error: one line that grows on a terminal."""

    def __init__(self, wanted: Model) -> None:
        self._wanted = wanted
        self._done = 0
        self._shown = -1

    def add(self, size: int) -> None:
        """More has arrived."""
        self._done += size
        percent = min(100 * self._done // self._wanted.size, 100)
        step = 1 if sys.stderr.isatty() else 10
        if percent // step == self._shown // step:
            return
        self._shown = percent
        filled = "#" * (percent // 4)
        line = f"{self._wanted.name} [{filled:<25}] {percent:3}% of {self._wanted.size >> 20} MiB"
        sys.stderr.write(f"\r{line}" if sys.stderr.isatty() else f"{line}\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Leave the line."""
        if sys.stderr.isatty() and self._shown >= 0:
            sys.stderr.write("\n")


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()


def _list() -> None:
    for entry in all_models():
        mark = "*" if entry.is_default else " "
        size = f"{entry.size >> 20} MiB"
        sys.stdout.write(f"{mark} {entry.name}  {size}  {entry.licence}  {entry.title}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Fetch the local models of Footnote.")
    parser.add_argument("--models-dir", type=Path, help="folder to keep models in")
    parser.add_argument("--from", dest="source", type=Path, help="folder with files already had")
    parser.add_argument(
        "--check", action="store_true", help="fetch nothing, only say what is missing"
    )
    parser.add_argument(
        "--list", action="store_true", help="list the models (*: fetched by default)"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="models; none: the default ones")
    chosen = parser.parse_args(argv)
    if chosen.list:
        _list()
        return 0
    if chosen.models_dir is None:
        parser.error("--models-dir is needed")
    names = chosen.names or [entry.name for entry in all_models() if entry.is_default]
    if chosen.check:
        return _check(chosen.models_dir, names)
    return _fetch_all(chosen.models_dir, names, chosen.source)


def _check(models_dir: Path, names: Sequence[str]) -> int:
    missing = [name for name in names if not is_present(models_dir, name)]
    for name in missing:
        _say(f"{name} is not in {models_dir}.")
    return 3 if missing else 0


def _fetch_all(models_dir: Path, names: Sequence[str], source: Path | None) -> int:
    try:
        for name in names:
            fetch(models_dir, name, source_folder=source)
    except UnknownModel as error:
        _say(f"There is no model {error} in the catalogue; --list shows them.")
        return 1
    except FetchFailed as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        _say("Interrupted. What has arrived is kept; the next run goes on from there.")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
