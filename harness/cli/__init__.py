"""The command line: `harness COMMAND`. Each command is a file here, imported when it is asked for."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Callable, Sequence

import click

from harness.cli.examples import epilog
from harness.errors import HarnessError
from harness.files import ensure_home, is_unwritable, unwritable
from harness.machine import unfit
from harness.noise import quiet_libraries
from harness.running.interrupts import ignore_interrupts, interrupt_on_signals, no_more_threads
from harness.streams import open_closed_streams
from harness.version import __version__
from harness.wording import GOES_ON, harmless

# A command's file, and what `harness --help` says of it: kept here so that help imports none of them.
_COMMANDS = {
    "init": ("init", "Make a folder ready: a first suite, [tool.harness] in pyproject.toml, a CI workflow."),
    "list": ("list_suites", "Suites and their variants."),
    "plan": ("plan", "What a sweep would train, what is done, and about how long it takes."),
    "sweep": ("sweep", "Train what is not done yet, without pytest; --time also times."),
    "worker": ("worker", "Train a share of a sweep on one of several machines, into a store of its own."),
    "merge": ("merge", "Join the stores of shares, or of several machines, into one results folder."),
    "search": ("search", "Search a space of variants with keras-tuner, then compare the winner."),
    "tables": ("tables", "Comparison tables of a results folder."),
    "report": ("report", "One HTML file that opens offline, and its charts as SVG and PNG."),
    "compare": ("compare", "Two results folders, or two variants of one; --fail-if makes it a gate."),
    "trend": ("trend", "Accuracy and step time of variants over many results folders, and where they changed."),
    "export": ("export", "CSV, JSON, Markdown, LaTeX, TensorBoard, MLflow, Optuna."),
    "model": ("model", "A trained model that --save-models kept: its file, and the lines that load it."),
    "explore": ("explore", "Pictures of a dataset, a model's layers, or what a variant gained and lost."),
    "pretrain": ("pretrain", "Train a backbone on some classes and save its weights, for transfer without a network."),
    "store": ("store", "Check a results folder's store; salvage what is intact of a damaged one."),
    "doctor": ("doctor", "Whether this machine is fit to train and to time, with a remedy for what is not."),
    "completion": ("completion", "The script that completes commands in bash, zsh or fish."),
}


_INTERRUPTED = {
    "sweep": GOES_ON,
    "worker": GOES_ON,
    "search": GOES_ON,
    "pretrain": "no weights were written; the same command starts anew",
}


_TRACEBACK = "HARNESS_TRACEBACK"
_LONGEST = 500

_ELSEWHERE = "make its folder writable, or name another place where the command has --output"
_STORING = {"sweep", "worker", "search", "tables", "report", "merge"}
_KEPT = "what was stored is intact, and `harness tables` and `harness report` make the files of it"
# What click since 8.2 raises; before, it prints the help itself.
_NO_ARGUMENTS: type[click.UsageError] | tuple[()] = getattr(click.exceptions, "NoArgsIsHelpError", ())
_NOBODY_READS = (errno.EPIPE, errno.EIO)


class LazyGroup(click.Group):
    """A group that imports a command's file only when it runs or shows that command."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by name, or None."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"harness.cli.{_COMMANDS[cmd_name][0]}").command
        command.epilog = command.epilog or epilog(cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuse an unknown command with the nearest name."""
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            from harness.errors import nearest

            names = ", ".join(_COMMANDS)
            raise click.UsageError(f'command "{args[0]}" is unknown: use {names}{nearest(args[0], _COMMANDS)}')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="harness")
def harness() -> None:
    """Test and benchmark Keras CNN variants against a baseline.

    `pytest suites --benchmark` does the whole job; these commands do its parts and read its results.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 a trial or gate failed, 2 interrupted, 4 bad usage or input."""
    open_closed_streams()
    try:
        code = run(arguments)
        ignore_interrupts()
    except KeyboardInterrupt:  # a second one, while the first was told of
        code = 2
        ignore_interrupts()
    sys.exit(code)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    interrupt_on_signals()
    ensure_home()
    if trouble := unfit():
        click.echo(f"error: {trouble}", err=True)
        return 4
    command = next(iter(sys.argv[1:] if arguments is None else arguments), "")
    return exit_code(
        lambda: harness.main(arguments, prog_name="harness", standalone_mode=False),
        interrupted=_INTERRUPTED.get(command, "nothing was changed"),
        kept=_KEPT if command in _STORING else "",
    )


def exit_code(work: Callable[[], object], *, interrupted: str, kept: str = "") -> int:
    """Do something, say in one line why it failed if it does, and return the exit code: its result, or 0 for none.

    `interrupted` is said of an interruption, `kept` where a disk is full or fails: what is safe.
    """
    try:
        with quiet_libraries():
            code = work()
    except click.UsageError as error:
        if isinstance(error, _NO_ARGUMENTS):  # its message is the help of a group
            click.echo(error.format_message(), err=True)
            return 4
        click.echo(harmless(f"error: {_usage(error)}"), err=True)
        return 4
    except (click.Abort, KeyboardInterrupt):
        try:
            if lacking := no_more_threads():
                click.echo(f"error: {lacking}", err=True)
                return 1
            click.echo(f"interrupted: {interrupted}", err=True)
        except OSError:  # the terminal was closed
            _say_no_more()
        return 2
    except click.ClickException as error:
        error.show()
        return 4
    except HarnessError as error:
        click.echo(harmless(f"error: {error}"), err=True)
        return error.exit_code
    except OSError as error:
        if error.errno in _NOBODY_READS and error.filename is None:  # as after `| head`
            _say_no_more()
            return 2 if isinstance(error.__context__, KeyboardInterrupt) else 1
        if _is_nowhere():
            click.echo("error: the current folder was removed: change to one that is there", err=True)
            return 4
        if not is_unwritable(error):
            return _own_fault(error)
        told = unwritable(error.filename, error, elsewhere=_ELSEWHERE, kept=kept)
        click.echo(harmless(f"error: {told}"), err=True)
        return told.exit_code
    except (SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a panic of a library in Rust is no Exception
        return _own_fault(error)
    return code if isinstance(code, int) else 0


def _is_nowhere() -> bool:
    try:
        os.getcwd()  # noqa: PTH109  # a path that was looked up before may still answer
    except OSError:
        return True
    return False


def _usage(error: click.UsageError) -> str:
    """Return click's message as ours are: in lower case, with where to look."""
    text = error.format_message().rstrip(".")
    place = f"`{error.ctx.command_path} --help` shows what there is" if error.ctx is not None else ""
    mark = "" if not place else " " if text.endswith("?") else ": "
    return f"{text[:1].lower()}{text[1:]}{mark}{place}"


def _own_fault(error: BaseException) -> int:
    """Tell what nobody foresaw in one line, and the way to the traceback that a report of it needs."""
    if os.environ.get(_TRACEBACK):
        raise error
    if lacking := no_more_threads():
        click.echo(f"error: {lacking}", err=True)
        return 1
    said = " ".join(str(error).split())
    said = said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."
    text = f"error: {type(error).__name__}: {said}: a fault of cnn-harness or of this machine; please report it with "
    click.echo(harmless(f"{text}what {_TRACEBACK}=1 in the environment shows"), err=True)
    return 1


def _say_no_more() -> None:
    """Send what is still to be printed nowhere: Python would fail on it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
