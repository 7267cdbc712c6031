"""Where each value of each profile comes from: axis by axis, one source in a few words.

"measured" means that the test suite holds the very engine against the profile, on look-alikes and on true
certificates. "unknown" means that nobody has shown it, and that the judge decides under each value. An axis
without an entry here fails a test: no value is anybody's habit.
"""

from __future__ import annotations

_RFC5280 = {
    "anchors": "RFC 5280 section 6.1.1 (d): an anchor is a name and a key, self-signed or not",
    "anchor_expiry": "left open by RFC 5280 section 6.1; clients that keep roots as certificates check it",
    "anchor_basic_constraints": "RFC 5280 section 4.2.1.9; left open for anchors by section 6.1",
    "anchor_constraints": "RFC 5937 section 4",
    "refused_digests": "RFC 6149, RFC 6150 and RFC 6151 retire MD2, MD4 and MD5",
    "minimum_rsa": "RFC 5280 has no rule",
    "minimum_anchor_rsa": "RFC 5280 has no rule",
    "rsa_whole_octets": "RFC 5280 has no rule",
    "curves": "RFC 5480 section 2.1.1: named curves only; which, is left open",
    "other_keys": "RFC 3279 and RFC 8410 name them",
    "names": "RFC 9525 section 2: names of the subjectAltName only",
    "purpose": "RFC 5280 section 4.2.1.12",
    "any_purpose": "RFC 5280 section 4.2.1.12: an application may accept it",
    "step_up": "no RFC",
    "leaf_key_usage": "left to the application by RFC 5280 section 4.2.1.3",
    "ca_purpose": "common practice; CA/Browser Forum section 7.1.2.10.6 relies on it",
    "anchor_purpose": "no RFC; an anchor's extensions do not count in RFC 5280 section 6.1",
    "ca_by_key_usage": "RFC 5280 section 6.1.4 (k) wants basicConstraints",
    "stored_extensions": "RFC 5280 section 6.1.4 applies to every intermediate",
    "end_inclusive": "RFC 5280 section 4.1.2.5: through notAfter, inclusive",
    "anchor_critical_extensions": "left open by RFC 5280; x509-limbo expects it",
    "strict_encoding": "RFC 5280 section 4.1: DER",
    "builder": "RFC 4158: find a path whenever there is one",
    "constraints": "RFC 5280 section 4.2.1.10; the leading dot as OpenSSL and Go read it",
    "lint": "none: rules for issuers do not judge",
    "strict_crls": "RFC 5280 section 5.2.3",
    "limits": "our own, against hostile input",
}

_WEBPKI = {
    **_RFC5280,
    "refused_digests": "CA/Browser Forum section 7.1.3.2; browsers refuse SHA-1 since 2017",
    "minimum_rsa": "CA/Browser Forum section 6.1.5",
    "minimum_anchor_rsa": "CA/Browser Forum section 6.1.5",
    "rsa_whole_octets": "CA/Browser Forum section 6.1.5",
    "curves": "CA/Browser Forum section 6.1.5",
    "other_keys": "CA/Browser Forum section 6.1.5",
}

_OPENSSL_3 = {
    "anchors": "measured; SSL_CTX sets no X509_V_FLAG_PARTIAL_CHAIN",
    "anchor_expiry": "measured",
    "anchor_basic_constraints": "measured",
    "anchor_constraints": "measured",
    "refused_digests": "measured on the defaults of OpenSSL 4; level 1 of SSL_CTX_set_security_level(3) in 3.0",
    "minimum_rsa": "SSL_CTX_set_security_level(3): level 1 asks for 80 bits of security",
    "minimum_anchor_rsa": "SSL_CTX_set_security_level(3); OpenSSL 4's defaults were measured to refuse 1024",
    "rsa_whole_octets": "no rule found",
    "curves": "no rule found below level 2",
    "other_keys": "no rule found",
    "names": "X509_check_host(3): the subject counts where there is no dNSName",
    "purpose": "measured",
    "any_purpose": "measured: anyExtendedKeyUsage alone is refused, in leaf and authority",
    "step_up": "measured: both count as for servers",
    "leaf_key_usage": "measured",
    "ca_purpose": "measured",
    "anchor_purpose": "measured",
    "ca_by_key_usage": "measured",
    "stored_extensions": "measured",
    "end_inclusive": "measured on 3.0: the last second is already refused; OpenSSL 4 accepts it",
    "anchor_critical_extensions": "measured",
    "strict_encoding": "no X509_V_FLAG_X509_STRICT by default",
    "builder": "measured; X509_V_FLAG_TRUSTED_FIRST is on since 1.1.0",
    "constraints": "measured; at most 2^20 comparisons",
    "lint": "none",
    "strict_crls": "not used: no revocation by default",
    "limits": "our own; OpenSSL's depth is 100",
}

_OPENSSL_1_0_2 = {
    **_OPENSSL_3,
    "refused_digests": "measured: MD5 and SHA-1 pass; MD2 and MD4 are not loaded by default",
    "minimum_rsa": "measured: 1024 bits pass; there are no security levels before 1.1.0",
    "minimum_anchor_rsa": "measured",
    "anchor_purpose": "measured: no extension of a stored certificate is looked at",
    "ca_by_key_usage": "measured on a sent intermediate",
    "stored_extensions": "measured: basicConstraints, path length, purpose, unknown critical ones are not seen",
    "end_inclusive": "measured",
    "builder": "measured on 1.0.2e and 1.0.2r: sent first, first fit, alternatives from the top down",
    "constraints": "measured: an anchor's bind, the common name is never constrained",
}

_CISCO = {
    **dict.fromkeys(_RFC5280, "nothing known; as in rfc5280"),
    "anchors": "proven: the factory trustpoint of 2016 held the intermediate G3, and it worked",
    "anchor_expiry": "unknown: judged both ways",
    "refused_digests": "unknown: judged both ways; 9.16 and later are said to refuse SHA-1",
    "minimum_rsa": "unknown: judged both ways with the digests",
    "minimum_anchor_rsa": "unknown: judged both ways with the digests",
    "names": "unknown: judged both ways",
    "builder": "unknown: judged both ways",
    "anchor_basic_constraints": "nothing known; the lenient value, so that no refusal is invented",
    "anchor_constraints": "nothing known; the lenient value",
    "anchor_critical_extensions": "nothing known; the lenient value",
    "strict_encoding": "nothing known; the lenient value",
    "lint": "none: an issuer's slip is no device's rule",
    "limits": "our own",
}

_STRICT = {
    **_RFC5280,
    "names": "RFC 5280 section 4.2.1.6: no underscore in a dNSName",
    "constraints": "RFC 5280 section 4.2.1.10: a leading dot is malformed",
    "lint": "RFC 5280 section 4, each rule with its section",
}

_CABF = {
    **_WEBPKI,
    "purpose": "CA/Browser Forum section 7.1.2.7.10",
    "any_purpose": "CA/Browser Forum section 7.1.2.7.10",
    "names": "CA/Browser Forum section 7.1.4.2, and section 3.2.2.6 on wildcards over a registry's suffix",
    "lint": "CA/Browser Forum section 7.1.2, each rule with its section",
}

EVIDENCE: dict[str, dict[str, str]] = {
    "rfc5280": _RFC5280,
    "webpki": _WEBPKI,
    "openssl-3": _OPENSSL_3,
    "openssl-1.0.2": _OPENSSL_1_0_2,
    "cisco": _CISCO,
    "rfc5280-strict": _STRICT,
    "cabf": _CABF,
}
"""Profile, axis, source."""
