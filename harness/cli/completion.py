"""`harness completion`."""

from __future__ import annotations

import click

from harness.cli.options import word

_VARIABLE = "_HARNESS_COMPLETE"


@click.command("completion")
@click.argument("shell", **word("SHELL", ["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that completes commands and options in SHELL.

    \b
    bash  harness completion bash > ~/.local/share/bash-completion/completions/harness
    zsh   harness completion zsh > ~/.zfunc/_harness     (with fpath+=~/.zfunc before compinit)
    fish  harness completion fish > ~/.config/fish/completions/harness.fish
    """
    from click.shell_completion import get_completion_class

    root = context.find_root().command
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"click has no completion for {shell}")
    click.echo(found(root, {}, "harness", _VARIABLE).source())
