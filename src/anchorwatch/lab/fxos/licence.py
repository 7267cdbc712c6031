"""The licence of a chassis: registering, renewing, giving back, and what is shown of it."""

from __future__ import annotations

from contextlib import suppress

from anchorwatch.base.secret import Secret
from anchorwatch.lab.fxos import licence_screen as screen
from anchorwatch.lab.fxos.session import Commands, FxosSession
from anchorwatch.lab.shell import Typed
from anchorwatch.licensing import token as id_token
from anchorwatch.licensing.error import EventRefusedError, TokenRefusedError
from anchorwatch.licensing.status import RegistrationState
from anchorwatch.licensing.token import IdToken

COMMANDS = Commands()
_SCOPES = ("license", "licdebug")
_NOT_REGISTERED = "Error: The agent is not registered"
_REGISTERED = "Error: The product has already been registered"


@COMMANDS.add("register idtoken <token> [force]", "license", help_="Register the chassis")
def _register(shell: FxosSession, typed: Typed) -> str:
    try:
        token = id_token.parse(Secret(typed.values["token"]))
    except TokenRefusedError:
        return "Error: The ID token is not valid"
    if shell.machine.licence.state.registration is RegistrationState.REGISTERED and not typed.has("force"):
        return _REGISTERED

    def work(given: IdToken) -> None:
        # Somebody else may have changed the state between the look and the work; then the agent says no.
        with suppress(EventRefusedError):
            shell.machine.register(given)

    shell.later(work, token)
    return ""


@COMMANDS.add("deregister", "license", help_="Deregister the chassis")
def _deregister(shell: FxosSession, _: Typed) -> str:
    if shell.machine.licence.state.registration is RegistrationState.NOT_REGISTERED:
        return _NOT_REGISTERED

    def work() -> None:
        with suppress(EventRefusedError):
            shell.machine.deregister()

    shell.later(work)
    return ""


@COMMANDS.add("renew", "licdebug", help_="Renew the licence")
def _renew(shell: FxosSession, _: Typed) -> str:
    if shell.machine.licence.state.registration is not RegistrationState.REGISTERED:
        return _NOT_REGISTERED

    def work() -> None:
        with suppress(EventRefusedError):
            shell.machine.renew()

    shell.later(work)
    return ""


@COMMANDS.add(
    "show license {all|status|usage|summary|udi|techsupport}", *_SCOPES, help_="Show system information"
)
def _show(shell: FxosSession, typed: Typed) -> str:
    return screen.render(shell.machine, typed.words[-1])
