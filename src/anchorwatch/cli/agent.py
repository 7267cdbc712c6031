"""`anchorwatch agent`: license an appliance at a portal, and keep it licensed."""

from __future__ import annotations

import typer

from anchorwatch.cli import agent_register, agent_renew, agent_run, agent_status, agent_trust, agent_want

__all__ = ["app"]

app = typer.Typer(
    name="agent",
    no_args_is_help=True,
    help="License an appliance at a portal of one's own, and keep it licensed when the portal's CA changes.\n\n"
    "It speaks to `anchorwatch portal`; vendors' portals speak closed protocols of their own.",
)

app.command("register", help=agent_register.REGISTER_HELP)(agent_register.register)
app.command("status", help=agent_status.HELP)(agent_status.status)
app.command("want", help=agent_want.HELP)(agent_want.want)
app.command("renew", help=agent_renew.RENEW_HELP)(agent_renew.renew)
app.command("retry", help=agent_renew.RETRY_HELP)(agent_renew.retry)
app.add_typer(agent_trust.app)
app.command("deregister", help=agent_register.DEREGISTER_HELP)(agent_register.deregister)
app.command("run", help=agent_run.HELP)(agent_run.run)
