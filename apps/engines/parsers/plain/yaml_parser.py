"""YAML as text under its keys. Nothing is constructed but strings, lists and pairs."""

from pathlib import Path

import yaml

from apps.engines.parsers.encodings import decode
from apps.engines.parsers.plain.tree_blocks import MOST_NODES, Tree, tree_blocks
from apps.rag.ports import Block, ParseError

_MERGE = "<<"
_NOTHING = frozenset({"null", "~", "Null", "NULL"})
# The C loader, where it was built, reads ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlParser:
    """See ``apps.rag.ports.Parser``."""

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        text = decode(path.read_bytes()).replace("\x00", "")
        try:
            # Nodes, not values: tags of programs mean nothing here, and scalars stay as written.
            nodes = list(yaml.compose_all(text, Loader=_LOADER))
            return [block for node in nodes for block in tree_blocks(_Reading().tree(node))]
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise ParseError("UNREADABLE", f"YAML: {str(error)[:200]}") from error


class _Reading:
    """Nodes as a tree. An alias is its anchor's node again, so a small file can name a tree of any
    size, and one that holds itself: nodes are counted as often as they are named."""

    def __init__(self) -> None:
        self._nodes = 0

    def tree(self, node: yaml.Node) -> Tree:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise ParseError("TOO_COSTLY", f"more than {MOST_NODES} values")
        if isinstance(node, yaml.SequenceNode):
            return [self.tree(each) for each in node.value]
        if isinstance(node, yaml.MappingNode):
            return tuple(pair for key, value in node.value for pair in self._pair(key, value))
        is_quoted = getattr(node, "style", None) is not None
        return "" if node.value in _NOTHING and not is_quoted else str(node.value)

    def _pair(self, key: yaml.Node, value: yaml.Node) -> tuple[tuple[str, Tree], ...]:
        tree = self.tree(value)
        if not isinstance(key, yaml.ScalarNode):
            return (("", tree),)
        if key.value == _MERGE and isinstance(tree, tuple):
            return tree
        return ((str(key.value), tree),)
