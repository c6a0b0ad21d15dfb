"""How the command line behaves as a whole: how it ends, what its groups have in common."""

import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from aumann.cli.terminal import print_error, print_warning

__all__ = ["HELP_NAMES", "OneLineErrors", "command_group"]

INTERRUPTED = 130
HELP_NAMES = {"help_option_names": ["-h", "--help"]}


class OneLineErrors(TyperGroup):
    """A command line that answers bad input with one line and exit code 2."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run and exit; `standalone_mode` is ignored, all errors are handled here."""
        try:
            with warnings.catch_warnings():
                warnings.showwarning = lambda message, *_, **__: print_warning(str(message))
                code = super().main(
                    args, prog_name or "aumann", complete_var, False, windows_expand_args, **extra
                )
            sys.stdout.flush()
        except (KeyboardInterrupt, typer.Abort):
            code = INTERRUPTED
        except BrokenPipeError:
            # The reader went away, as `head` does; nothing more can be written at exit either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 1
        except OSError as error:
            about = f"{error.filename}: " if error.filename else ""
            print_error(f"{about}{error.strerror}" if error.strerror else str(error))
            code = 2
        except (ValueError, TypeError, ImportError, MemoryError) as error:
            print_error(str(error) or type(error).__name__)
            code = 2
        except Exception as error:
            # Errors of usage have a class whose home differs between versions of typer.
            if not hasattr(error, "format_message"):
                raise
            context = getattr(error, "ctx", None)
            command = "aumann" if context is None else context.command_path
            print_error(f"{error.format_message()} ({command} --help says more)")
            code = 2
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        sys.exit(code)


def command_group(help_text: str) -> typer.Typer:
    """Return a group of commands that prints its help when called without a command."""
    group = typer.Typer(help=help_text, context_settings=HELP_NAMES)

    @group.callback(invoke_without_command=True)
    def _help_alone(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            typer.echo(context.get_help())

    return group
