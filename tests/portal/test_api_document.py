"""The OpenAPI document of the management API is true: requests made from it meet what it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from anchorwatch.db import ledger
from anchorwatch.db.word import OperatorRole
from anchorwatch.portal.api import application
from portal.counter import Counters, counters, working
from portal.office import Office

VIEWER, OPERATOR, ADMIN = OperatorRole
LISTS = (
    "/virtual-accounts",
    "/tags",
    "/tokens",
    "/lots",
    "/pools",
    "/ledger",
    "/devices",
    "/certificates",
    "/grants",
    "/incidents",
    "/alerts",
)


def test_it_is_imported_only_where_it_is_asked_for() -> None:
    """A portal without its API, and the whole command line, start without FastAPI."""
    code = (
        "import sys; import anchorwatch.portal.server, anchorwatch.portal.management, anchorwatch.cli.portal,"
        " anchorwatch.cli.portal_key; print([each for each in ('fastapi', 'structlog', 'prometheus_client')"
        " if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _tried(served: Counters, examples: int) -> int:
    """Each operation with so many requests that fit the document and that do not; how many of each were sent."""
    import hypothesis
    import requests
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.core.result import Err
    from schemathesis.specs.openapi import checks

    office = served.office
    hand = working(office)
    admin = served.as_role(ADMIN)
    assert hand.certificate
    known = {
        f"{name}_id": admin.every(path)[0]["id"]
        for name, path in {
            "account": "/accounts",
            "virtual_account": "/virtual-accounts",
            "tag": "/tags",
            "lot": "/lots",
            "pool": "/pools",
            "device": "/devices",
            "certificate": "/certificates",
            "token": "/tokens",
        }.items()
    }
    schema = schemathesis.openapi.from_dict(application.described(None).openapi())
    session = requests.Session()
    session.trust_env = False
    sent = 0
    all_checks = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
        checks.negative_data_rejection,
    ]
    assert admin.key is not None
    keys = [f"Bearer {each.key.reveal()}" for each in (admin, served.of_portal()) if each.key is not None]

    for found in schema.get_all_operations():
        assert not isinstance(found, Err), "the document is not OpenAPI"
        operation = found.ok()
        cases = operation.as_strategy(generation_mode=GenerationMode.POSITIVE) | operation.as_strategy(
            generation_mode=GenerationMode.NEGATIVE
        )

        @hypothesis.settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(
            case=cases, real=hypothesis.strategies.booleans(), key=hypothesis.strategies.sampled_from(keys)
        )
        def send(case: Any, real: bool, key: str) -> None:
            nonlocal sent
            positive = case.meta.generation.mode is GenerationMode.POSITIVE
            if real and positive:
                # A thing that is there, so that more than "not there" is answered.
                case.path_parameters = {
                    name: known.get(name, each) for name, each in (case.path_parameters or {}).items()
                }
                if isinstance(case.body, dict) and "virtual_account_id" in case.body:
                    case.body["virtual_account_id"] = known["virtual_account_id"]
            answer = case.call(
                base_url=f"https://127.0.0.1:{served.port}",
                session=session,
                verify=str(served.root),
                headers={"authorization": key},
            )
            sent += 1
            # Too large to be looked at is a refusal too, which the library does not count as one.
            told = all_checks if answer.status_code != 413 else all_checks[:-1]
            case.validate_response(answer, checks=told)

        send()
    assert office.portal.database.read(ledger.audit) == ()
    return sent


def test_the_document_is_true(office: Office, tmp_path: Path) -> None:
    """Requests made from the OpenAPI document, right ones and wrong ones, meet no error of ours and answers as it says."""
    with counters(office, tmp_path / "tls") as served:
        assert _tried(served, 2) > 80


@pytest.mark.soak
def test_the_document_is_true_for_long(office: Office, tmp_path: Path) -> None:
    """The same with many more requests of each kind."""
    with counters(office, tmp_path / "tls") as served:
        assert _tried(served, 100) > 3000
