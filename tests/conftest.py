"""What every test may ask for, and the rules every test keeps."""

import inspect
import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

CHECKOUT = Path(__file__).resolve().parent.parent
CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# A law is tried on few worlds while one writes, on more and on the same ones each time in CI, and on many by
# `make soak`. Deadlines are off: two cores are shared, and time limits belong to benchmarks.
_calm = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("dev", max_examples=40, deadline=None, suppress_health_check=_calm)
settings.register_profile(
    "ci", max_examples=100, deadline=None, derandomize=True, print_blob=True, suppress_health_check=_calm
)
settings.register_profile("soak", max_examples=5_000, deadline=None, suppress_health_check=_calm)
settings.load_profile(os.environ.get("ANCHORWATCH_LAWS", "ci" if CI else "dev"))

# Under CI a check that did not run is a check that failed. What may be left out even there stands here, as
# the beginning of the skip's reason, with a word on why.
ALLOWED_SKIPS_IN_CI: dict[str, str] = {
    "only on Windows": "CI runs on Linux",
    "only on macOS": "CI runs on Linux",
}


def shared_folder() -> Path:
    """Where the reference data lies: beside the checkout, or where `ANCHORWATCH_SHARED` says."""
    return Path(os.environ.get("ANCHORWATCH_SHARED") or CHECKOUT.parent / "shared")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference data: real certificates, stores, vectors and transcripts. Never copied into the project."""
    folder = shared_folder()
    if not (folder / "pki").is_dir():
        pytest.skip("the reference data is not beside this checkout (../shared)")
    return folder


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The top folder of the project."""
    return CHECKOUT


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what runs for minutes unless it was asked for, and refuse a test without its sentence."""
    if "soak" not in (config.option.markexpr or ""):
        kept = [item for item in items if item.get_closest_marker("soak") is None]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept
    silent = sorted({item.nodeid.partition("[")[0] for item in items if not _sentence(item)})
    if silent:
        raise pytest.UsageError(
            "a test says in one sentence what it shows; these do not: " + ", ".join(silent)
        )


def _sentence(item: pytest.Item) -> str:
    function = getattr(item, "function", None)
    return inspect.getdoc(function) or "" if function is not None else "not a function"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI, turn a skip into a failure that says so."""
    report = yield
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        if not reason.startswith(tuple(ALLOWED_SKIPS_IN_CI)):
            report.outcome = "failed"
            report.longrepr = f"skipped under CI, where every check must run: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole module that skips itself."""
    report = yield
    if CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid}: skipped under CI, where every check must run"
    return report
