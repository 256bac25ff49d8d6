"""Habits that a tool can hold: no raw SQL, sizes, colours of functions, words."""

import ast
import re
from statistics import median

from tests.guards.allowed import ASYNC_FILES, ASYNC_FOLDERS, RAW_SQL
from tests.guards.code import functions, modules, stale, unlisted

_RAW = {"raw", "extra", "cursor", "RawSQL", "_base_manager"}
MOST_LINES = 400
MOST_LINES_OF_TESTS = 600
LONG_FUNCTION = 50
BANNED_WORDS = {"dataset", "kb", "bot", "helper", "helpers", "utils", "querymode"}


def _raw(tree: ast.Module) -> set[str]:
    """Names of raw SQL that a module uses as an attribute or a function."""
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    called = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return (used & _RAW) | (called & {"RawSQL"})


def test_no_raw_sql_and_no_way_around_the_manager():
    found = {f"{module.path}: {name}" for module in modules() for name in _raw(module.tree)}
    assert not unlisted(found, set(RAW_SQL))
    assert not stale(found, set(RAW_SQL))


def test_no_file_is_longer_than_a_reader_can_hold():
    product = modules("apps", "kb_platform", "workers", "bench")
    assert not [f"{m.path}: {m.lines}" for m in product if m.lines > MOST_LINES]
    tests = modules("tests")
    assert not [f"{m.path}: {m.lines}" for m in tests if m.lines > MOST_LINES_OF_TESTS]


def test_functions_fit_in_the_eye():
    lengths = [
        (function.end_lineno or 0) - function.lineno + 1
        for module in modules()
        for function in functions(module.tree)
    ]
    long = [length for length in lengths if length > LONG_FUNCTION]
    assert median(lengths) <= 10
    assert len(long) <= len(lengths) * 0.02


def _is_at_home(path: str) -> bool:
    return path in ASYNC_FILES or path.startswith(tuple(ASYNC_FOLDERS))


def _asynchronous() -> set[str]:
    return {
        module.path
        for module in modules()
        if any(isinstance(function, ast.AsyncFunctionDef) for function in functions(module.tree))
    }


def test_async_is_only_where_a_socket_or_a_stream_is():
    assert sorted(path for path in _asynchronous() if not _is_at_home(path)) == []


def test_the_list_of_async_files_is_not_stale():
    assert not stale(_asynchronous(), set(ASYNC_FILES))
    for folder in ASYNC_FOLDERS:
        assert any(path.startswith(folder) for path in _asynchronous()), folder


def _words(name: str) -> set[str]:
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return {word for word in apart.lower().split("_") if word}


def _names(tree: ast.Module) -> set[str]:
    named: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                named.add(name)
            case ast.arg(arg=name):
                named.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                named.add(name)
    return named


def test_names_follow_the_glossary():
    wrong = {
        f"{module.path}: {name}"
        for module in modules()
        for name in (*_names(module.tree), module.path.rpartition("/")[2].removesuffix(".py"))
        if _words(name) & BANNED_WORDS and name != "kb_groups"
    }
    assert not wrong


def test_serializers_and_forms_of_the_api_do_not_write():
    for module in modules("apps"):
        if module.path.endswith(("/api.py", "/serializers.py")):
            assert not {"save", "create"} & {function.name for function in functions(module.tree)}
