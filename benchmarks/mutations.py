"""What mutation testing changes of a module (`mutants.py` runs it): an operator, a number, a text, a part of a list."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

PAIRS = [(ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.Is, ast.IsNot), (ast.In, ast.NotIn)]
PAIRS += [(ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.And, ast.Or), (ast.BitAnd, ast.BitOr)]
OTHER = dict(PAIRS) | {second: first for first, second in PAIRS}
OTHER |= {ast.FloorDiv: ast.Div, ast.Mod: ast.Div, ast.Pow: ast.Mult, ast.MatMult: ast.Mult}
WORDS = {"min": "max", "max": "min", "any": "all", "all": "any", "minimum": "maximum", "maximum": "minimum"}
WORDS |= {"floor": "ceil", "ceil": "floor", "sorted": "list"}
KINDS = ("Callable", "Literal", "Mapping", "NDArray", "Sequence", "dict", "list", "tuple")
LEFT_ALONE = ("annotation", "returns", "decorator_list", "bases", "format_spec")


class Mutant(NamedTuple):
    """One change of a module: in words, its lines, whether it is within a function, and the module's new code."""

    told: str
    lines: range
    in_function: bool
    code: CodeType


def variations(node: Any) -> Iterator[ast.AST]:
    """Yield what may stand in a node's place."""

    def but(**fields: object) -> ast.AST:
        other = copy.copy(node)
        vars(other).update(fields)
        return other

    def without(*names: str) -> Iterator[ast.AST]:
        for place in range(len(getattr(node, names[0]))):
            yield but(**{name: [one for at, one in enumerate(getattr(node, name)) if at != place] for name in names})

    match node:
        case ast.Constant(value=bool(value)):
            yield but(value=not value)
        case ast.Constant(value=int(value) | float(value)):
            yield but(value=value + 1)
        case ast.Constant(value=str(value)):
            yield but(value=f"XX{value}XX")
        case ast.Compare(ops=ops):
            for place, op in enumerate(ops):
                yield but(ops=[*ops[:place], OTHER[type(op)](), *ops[place + 1 :]])
        case ast.BinOp(op=op) | ast.BoolOp(op=op) | ast.AugAssign(op=op) if type(op) in OTHER:
            yield but(op=OTHER[type(op)]())
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            yield but(test=ast.copy_location(ast.UnaryOp(ast.Not(), test), test))
        case ast.comprehension():
            yield from without("ifs")
        case ast.Call(args=args, keywords=keywords):
            if args and len(args) + len(keywords) > 1:
                yield but(args=args[:-1])
            yield from without("keywords")
        case ast.Name(id=word, ctx=ast.Load()) if word in WORDS:
            yield but(id=WORDS[word])
        case ast.Attribute(attr=word) if word in WORDS:
            yield but(attr=WORDS[word])
        case ast.Dict():
            yield from without("keys", "values")
        case ast.Tuple(elts=[_, _, *_], ctx=ast.Load()) | ast.List(elts=[_, _, *_]) | ast.Set(elts=[_, _, *_]):
            yield from without("elts")
        case ast.Raise() | ast.Expr(value=ast.Call()) | ast.Break() | ast.Continue():
            yield ast.copy_location(ast.Pass(), node)


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Yield all mutants of a module."""
    tree = ast.parse(path.read_text())

    def inside(parent: Any, lines: range, in_function: bool) -> Iterator[Mutant]:
        for field, value in ast.iter_fields(parent):
            parts = value if isinstance(value, list) else [value]
            if field in LEFT_ALONE or (isinstance(parent, ast.ClassDef) and field == "keywords"):
                continue
            for place, node in enumerate(parts):
                if not isinstance(node, ast.AST) or left_alone(parent, node):
                    continue
                within = (
                    in_function
                    or isinstance(parent, ast.Lambda)
                    or (isinstance(parent, ast.FunctionDef) and field == "body")
                )
                there = lines_of(node) if isinstance(node, ast.stmt) else lines
                for other in variations(node):
                    words = " -> ".join(ast.unparse(one).split("\n")[0] for one in (node, other))
                    number = getattr(node, "lineno", there.start)
                    put(parent, field, value, place, other)
                    yield Mutant(f"{path}:{number}: {words}", there, within, compile(tree, str(path.resolve()), "exec"))
                    put(parent, field, value, place, node)
                yield from inside(node, there, within)

    return inside(tree, range(0), False)


def put(parent: ast.AST, field: str, value: object, place: int, node: ast.AST) -> None:
    """Let a node stand at its place."""
    if isinstance(value, list):
        value[place] = node
    else:
        setattr(parent, field, node)


def lines_of(node: Any) -> range:
    """Return the lines of a statement; of one with a body, those before it."""
    body = getattr(node, "body", None)
    return range(node.lineno, body[0].lineno if body and body[0].lineno > node.lineno else node.end_lineno + 1)


def left_alone(parent: ast.AST, node: Any) -> bool:
    """Whether a node says nothing of what is computed."""
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    kind = isinstance(node, ast.Subscript) and getattr(node.value, "id", "") in KINDS
    checked = isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
    words = isinstance(parent, ast.JoinedStr) and isinstance(node, ast.Constant)
    return docstring or kind or checked or words or isinstance(node, ast.Import | ast.ImportFrom)


def codes_within(code: CodeType) -> Iterator[CodeType]:
    """Yield a code and all within it."""
    yield code
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from codes_within(one)
