"""Code of the studio that a script carries: what it needs of other modules comes with it, annotations stay behind."""

import ast
import importlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

OWN = "studio"
Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
# What stands in the place of the type of a field.
ANY = ast.Name("object", ast.Load())


@dataclass
class Carried:
    """Definitions in the order in which they need one another, and what they import from elsewhere."""

    definitions: dict[tuple[str, str], str] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)

    def take(self, module: str, name: str) -> None:
        """Add what a module of the studio calls by this name, and all that it refers to."""
        if (module, name) in self.definitions:
            return
        known = _names(module)
        found = known[name]
        if isinstance(found, ast.ImportFrom | ast.Import):
            self._import(found, name)
            return
        self.definitions[module, name] = ""  # those that refer to one another end here
        bare = _Bare().visit(found)
        for one in _used(bare):
            if one in known and one != name:
                self.take(module, one)
        del self.definitions[module, name]
        self.definitions[module, name] = ast.unparse(ast.fix_missing_locations(bare))

    def _import(self, found: ast.ImportFrom | ast.Import, name: str) -> None:
        alias = next(one for one in found.names if (one.asname or one.name) == name)
        if isinstance(found, ast.Import):
            self.imports.add(ast.unparse(ast.Import([alias])))
        elif str(found.module).partition(".")[0] == OWN:
            self.take(str(found.module), alias.name)
        else:
            self.imports.add(ast.unparse(ast.ImportFrom(found.module, [alias], 0)))


@cache
def _names(module: str) -> Mapping[str, Definition | ast.ImportFrom | ast.Import]:
    """What stands at the top of a module, by name."""
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    return MappingProxyType({name: found for node in tree.body for name, found in _called(node)})


def _called(node: ast.stmt) -> Iterator[tuple[str, Definition | ast.ImportFrom | ast.Import]]:
    match node:
        case ast.FunctionDef() | ast.ClassDef():
            yield node.name, node
        case ast.Assign():
            yield from ((target.id, node) for target in node.targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name, node
        case ast.ImportFrom() | ast.Import():
            yield from ((one.asname or one.name, node) for one in node.names)


def _used(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


class _Bare(ast.NodeTransformer):
    """Takes annotations off: a script without checks has no use for the names in them."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        for one in node.body:
            if isinstance(one, ast.AnnAssign):
                one.annotation = ANY
        self.generic_visit(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.annotation is ANY:
            return node
        if node.value is None:
            return None
        return ast.copy_location(ast.Assign([node.target], node.value), node)
