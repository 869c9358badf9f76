"""Options that several commands share."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from harness import options
from harness.errors import InputError
from harness.option_kinds import Folder, Kind, NumberOption, Words
from harness.options import Option
from harness.project import Project, load_project
from harness.wording import harmless

_PROJECT = "harness.project"

Command = TypeVar("Command", bound=Callable[..., Any])


class Value(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.3
    """A value of one of our kinds: refused with our own message, completed by the shell."""

    name = "value"

    def __init__(self, name: str, kind: Kind) -> None:
        self._shown = name
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value; raises InputError."""
        return self._kind.parse(self._shown, value) if isinstance(value, str) else value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the words that begin so, or ask the shell for folders."""
        if isinstance(self._kind, Words):
            return [CompletionItem(word) for word in self._kind.words if word.startswith(incomplete)]
        return [CompletionItem(incomplete, type="dir")] if isinstance(self._kind, Folder) else []


class SharedOption(click.Option):
    """An option of the common table: where it is not given, `[tool.harness]` speaks before the default."""

    def get_default(self, ctx: click.Context, call: bool = True) -> Any:
        """Return the project's value, or else the default; raises InputError for a table that is refused."""
        if ctx.resilient_parsing:  # for the help alone
            return super().get_default(ctx, call=call)
        values = _project_here(ctx).values
        return values[self.name] if self.name in values else super().get_default(ctx, call=call)

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the help, with the value that pyproject.toml gives."""
        record = super().get_help_record(ctx)
        with contextlib.suppress(InputError):
            told = project(ctx).told([self.name or ""])
            return (record[0], f"{record[1]} [{told}]") if record and told else record
        return record


def project(ctx: click.Context | None = None) -> Project:
    """Return what the project says, read once a command."""
    meta = (ctx or click.get_current_context()).meta
    found: Project = meta.get(_PROJECT) or meta.setdefault(_PROJECT, load_project(Path.cwd()))
    return found


def project_line(ctx: click.Context, *, without: Sequence[str] = ()) -> str:
    """Return the line that says which of a command's values come from pyproject.toml; empty for none.

    `without` are options whose values of the project do not count for the command.
    """
    unnamed = [
        one.name
        for one in ctx.command.params
        if isinstance(one, SharedOption) and one.name and one.name not in without and not is_given(one.name, ctx)
    ]
    return _project_here(ctx).told(unnamed)


def is_given(variable: str, ctx: click.Context | None = None) -> bool:
    """Whether the command line gives an option, by its name in Python."""
    source = (ctx or click.get_current_context()).get_parameter_source(variable)
    return source not in (None, ParameterSource.DEFAULT)


def _project_here(ctx: click.Context) -> Project:
    # What the command line gives has been read before what it does not.
    return project(ctx).beside(ctx.params)


class PathValue(click.Path):
    """A file or folder: one without a name is refused, since it would be the current folder."""

    def __init__(self, *, file_okay: bool = True, dir_okay: bool = True) -> None:
        super().__init__(file_okay=file_okay, dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; raises InputError where it can be none."""
        shown = param.opts[0] if isinstance(param, click.Option) else (param.human_readable_name if param else "path")
        if not str(value) or "\0" in str(value):
            raise InputError(f'{shown} is "{value}": name a file or folder (. is the current one)')
        try:
            return super().convert(value, param, ctx)
        except OSError as error:
            raise InputError(f'{shown} is "{str(value)[:60]}...": {error.strerror}; name another') from None


def click_option(option: Option, variable: str = "") -> Callable[[Command], Command]:
    """Return an option of the common table for a command."""
    names = ("/".join(f"--{flag}" for flag in option.flags), variable or option.variable)
    if option.kind is None:
        return click.option(*names, cls=SharedOption, is_flag=True, help=option.explained)
    return click.option(
        *names,
        cls=SharedOption,
        type=Value(f"--{option.name}", option.kind),
        metavar=option.kind.metavar,
        multiple=option.repeatable,
        default=None if option.repeatable else option.default,
        help=option.explained,
    )


def with_options(*table: Option) -> Callable[[Command], Command]:
    """Return what adds options of the common table to a command, in their order."""

    def add(command: Command) -> Command:
        for option in reversed(table):
            command = click_option(option)(command)
        return command

    return add


def word(name: str, words: Sequence[str]) -> dict[str, Any]:
    """Return the type of an option or argument that is one of some words, and how help shows it."""
    return {"type": Value(name, Words(tuple(words))), "metavar": Words(tuple(words)).metavar}


def number(name: str, metavar: str, low: float, *, whole: bool = True) -> dict[str, Any]:
    """Return the type of an option that is a number from `low`, and how help shows it."""
    return {"type": Value(name, NumberOption(metavar, low, whole=whole)), "metavar": metavar}


results_option = with_options(options.RESULTS)
margin_options = with_options(*options.MARGINS)
job_options = with_options(*options.JOB)

paths_argument = click.argument("paths", nargs=-1, type=PathValue())


def format_option(default: str | None = "plain", *, more: Sequence[str] = ()) -> Callable[[Command], Command]:
    """Return the option that chooses how a table is printed, which must be given where there is no default."""
    from harness.tables.render import FORMATS, SYNONYMS

    return click.option(
        "--format",
        "style",
        **word("--format", [*FORMATS, *SYNONYMS, *more]),
        callback=lambda context, parameter, value: SYNONYMS.get(value, value),
        **({"default": default, "show_default": True} if default else {"required": True}),
        help="What to write; markdown is github." if more else "How to print it; markdown is github.",
    )


def job_settings(values: dict[str, Any], *, without: Sequence[str] = ()) -> Any:
    """Return the JobSettings that a command's options ask for.

    `without` are options, by their names in Python, that mean nothing to the command: what a project says of them is
    left out.
    """
    from harness.running.job_settings import JobSettings

    defaults = {one.variable: one.default for one in options.JOB if one.variable in without}
    values = values | {name: default for name, default in defaults.items() if not is_given(name)}
    options.check_together(values)
    if line := project_line(click.get_current_context(), without=without):
        remark(line)
    return JobSettings.of(values)


def suite_paths(paths: tuple[Path, ...]) -> list[Path]:
    """Return the paths given, or where the project says that its suites lie, or `suites`."""
    return list(paths or project().suites)


def say(text: str, *, err: bool = False, nl: bool = True, fold: bool = False) -> None:
    """Print lines, of which no name or message from elsewhere tells the terminal anything.

    `fold` breaks those that are wider than a terminal at blanks; whoever reads from a pipe gets them whole.
    """
    if fold:
        from harness.tables.screen import folded

        text = folded(text, sys.stderr if err else sys.stdout)
    click.echo(harmless(text), err=err, nl=nl)


def remark(text: str) -> None:
    """Print to standard error what is no warning, and no part of the output."""
    say(f"note: {text}", err=True, fold=True)


def warn(text: str) -> None:
    """Print a warning to standard error."""
    say(f"warning: {text}", err=True, fold=True)
