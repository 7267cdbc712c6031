"""A request as it goes over the wire: the machine's `Send`, signed with a key or proven by the ID token."""

from __future__ import annotations

from dataclasses import dataclass

from anchorwatch.agent.folder import Folder
from anchorwatch.licensing import signature, wire
from anchorwatch.licensing import token as id_token
from anchorwatch.licensing.event import Send
from anchorwatch.licensing.failure import Failure, FailureClass
from anchorwatch.licensing.state import AgentState, Slot
from anchorwatch.net.http import Ask, Header, Method

_METHODS: dict[str, Method] = {"GET": "GET", "POST": "POST", "PUT": "PUT", "DELETE": "DELETE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What to ask, and whether it may be asked of somebody who is not believed: then only a signed answer counts."""

    ask: Ask
    plain: bool


def prepare(send: Send, state: AgentState, folder: Folder) -> Errand | Failure:
    """Sign a request, or say why it cannot be: a key or the token is not where it was put.

    The secret of the token never enters the request; what does is a proof for this one.
    """
    portal = state.product.portal
    url = f"https://{portal}{send.path}"
    headers: list[Header] = []
    if send.content_type is not None:
        headers.append(("Content-Type", send.content_type))
    if send.idempotency_key is not None:
        headers.append(("Idempotency-Key", send.idempotency_key))
    if send.token:
        proof = _proof(send, state, folder, portal)
        if isinstance(proof, Failure):
            return proof
        headers.append(("Authorization", proof))
    if send.signer is not None:
        identity = state.successor if send.signer is Slot.NEXT else state.identity
        key = folder.key(send.signer)
        if identity is None or key is None or key.public.spki_sha256 != identity.spki_sha256:
            return _missing(f"the key in slot {send.signer} is not the one of the ID certificate")
        request = signature.Request(
            method=send.method,
            target_uri=url,
            body=send.body,
            content_type=send.content_type,
            idempotency_key=send.idempotency_key,
        )
        fields = signature.sign(request, key, keyid=identity.x5t, created=send.created, nonce=send.nonce)
        headers += fields.items()
    ask = Ask(url=url, method=_METHODS[send.method], headers=tuple(headers), body=send.body or b"")
    return Errand(ask=ask, plain=send.plain_http)


def _proof(send: Send, state: AgentState, folder: Folder, portal: str) -> str | Failure:
    intent = state.intent
    if intent is None or intent.csr is None:
        return _missing("there is no registration under way to prove an ID token for")
    token = folder.token(intent.token_id)
    if token is None:
        return _missing("the ID token is not on disk any more; register with another one")
    return id_token.prove(
        token, intent.csr, portal=portal, now=send.created, nonce=wire.from_base64url(send.nonce)
    )


def _missing(sentence: str) -> Failure:
    return Failure(kind=FailureClass.LICENCE_ERROR, sentence=sentence)
