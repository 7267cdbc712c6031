"""Whether names directly below a domain are registered by strangers.

A wildcard over such a domain would speak for everybody there. No client rule depends on it: real certificates
have wildcards over suffixes of the list's private part (`*.s3.amazonaws.com` is served by Amazon itself), and
browsers accept them. Only rules for issuers ask, so this is a rule of thumb and not the Public Suffix List: every
top-level domain, the usual second level of country domains, and some well-known hosting domains.
"""

from __future__ import annotations

from typing import Final

_SECOND_LEVEL_WORDS: Final = (
    "ac asn biz co com edu ed firm gen gob gouv gov go gv id ind info ltd me mil name ne net nhs nic nom or org "
    "plc police pro res sch school web"
)

_HOSTING_DOMAINS: Final = (
    "s3.amazonaws.com compute.amazonaws.com elb.amazonaws.com cloudfront.net elasticbeanstalk.com appspot.com "
    "blogspot.com web.app firebaseapp.com run.app azurewebsites.net cloudapp.net azureedge.net trafficmanager.net "
    "blob.core.windows.net github.io gitlab.io herokuapp.com netlify.app vercel.app pages.dev workers.dev "
    "readthedocs.io fly.dev onrender.com myshopify.com wordpress.com dyndns.org duckdns.org no-ip.org "
    "ngrok.io in-addr.arpa ip6.arpa"
)
_SECOND_LEVEL: Final = frozenset(_SECOND_LEVEL_WORDS.split())
_HOSTING: Final = frozenset(_HOSTING_DOMAINS.split())


def is_public_suffix(domain: str) -> bool:
    """Whether anybody may register a name directly below `domain` (lower case, no trailing dot), as far as known."""
    first, dot, rest = domain.partition(".")
    if not dot:
        return True
    return domain in _HOSTING or (first in _SECOND_LEVEL and len(rest) == 2 and rest.isalpha())
