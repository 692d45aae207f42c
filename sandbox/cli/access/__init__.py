"""``sandbox access``: applications, agreements and grants, as the person who signed in at this terminal.

asking     apply, change, look, submit, withdraw
deciding   the owner's answers; signing and declining
using      reports, leaving, closing, revoking; blocks
papers     the signed agreement, the certificate, and checking them offline
portal     the way to the API
words      how all of it is shown
"""

from __future__ import annotations

import typer

from sandbox.cli.access import asking, deciding, papers, using

app = typer.Typer(
    no_args_is_help=True, help="Applications, agreements and grants, as the person who signed in."
)
for name, command in (
    ("apply", asking.apply),
    ("edit", asking.edit),
    ("list", asking.listed),
    ("show", asking.show),
    ("submit", asking.submit),
    ("withdraw", asking.withdraw),
    ("approve", deciding.approve),
    ("return", deciding.send_back),
    ("reject", deciding.reject),
    ("sign", deciding.sign),
    ("decline", deciding.decline),
    ("report", using.report),
    ("leave", using.leave),
    ("close", using.close),
    ("remove", using.remove),
    ("revoke", using.revoke),
    ("blocks", using.blocks),
    ("lift", using.lift),
    ("agreement", papers.agreement),
    ("certificate", papers.certificate),
    ("verify", papers.verify),
):
    app.command(name)(command)
