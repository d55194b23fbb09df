"""The verbs for who may use the console: make a one-time link, list, change a role, end, and a program's token.

What is not here: the console, and what a role may do (`syncd.console.ask`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from syncd.cli.common import ConfigOption, FormatOption, home_of, opened
from syncd.cli.render import Format, show_rows

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The account, such as jane or jane@example.com.")]
ROLES = "viewer sees, operator decides and retries, admin changes maps and accounts"

user = typer.Typer(help="Say who may use the console.", no_args_is_help=True)


@user.command("invite")
def invite(
    context: typer.Context,
    name: NameArgument,
    *,
    role: Annotated[str | None, typer.Option("--role", help=f"{ROLES}; needed for a new account.")] = None,
    config: ConfigOption = None,
) -> None:
    """Make a one-time link with which somebody chooses a password, the first or another one.

    It lasts two days. Links that were made before, and open sign-ins of this account, end.
    """
    from syncd.console.ask import Role

    with opened(context, config) as app:
        secret = app.doors.invite(name, Role.of(role) if role is not None else None)
        home = home_of(app)
    typer.echo(f"{home}/welcome/{secret}")


@user.command("list")
def list_users(context: typer.Context, *, config: ConfigOption = None, format: FormatOption = Format.TABLE) -> None:
    """List the accounts."""
    with opened(context, config) as app:
        rows = app.doors.accounts()
    columns = ("name", "role", "state", "signed_in", "made")
    show_rows(rows, columns, format, empty="There is no account yet: `syncd user invite jane --role admin`.")


@user.command("role")
def role(
    context: typer.Context,
    name: NameArgument,
    role: Annotated[str, typer.Argument(metavar="ROLE", help=ROLES)],
    *,
    config: ConfigOption = None,
) -> None:
    """Give an account another role, at once."""
    from syncd.console.ask import Role

    with opened(context, config) as app:
        app.doors.give_role(name, Role.of(role))
    typer.echo(f"{name} is {role} now.")


@user.command("end")
def end(context: typer.Context, name: NameArgument, *, config: ConfigOption = None) -> None:
    """Let an account in no longer; its sign-ins and tokens end. What it did stays in the list of deeds."""
    with opened(context, config) as app:
        app.doors.shut_out(name)
    typer.echo(f"{name} is let in no longer. `syncd user invite {name}` would let it in again.")


@user.command("token")
def token(
    context: typer.Context,
    name: NameArgument,
    *,
    label: Annotated[str, typer.Option("--label", help="What the program is, for the list.")],
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="How long it lasts.")] = 365,
    config: ConfigOption = None,
) -> None:
    """Make a token with which a program uses the API as this account. It is shown once."""
    with opened(context, config) as app:
        secret = app.doors.give_token(name, label, timedelta(days=days))
    typer.echo(secret)
