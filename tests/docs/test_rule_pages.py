"""Every rule of the doctor has its page, and no page is left of a rule that is gone."""

from docs_pages import RULE_PAGES, generated


def test_every_page_of_a_rule_has_its_rule() -> None:
    """A page without a rule would explain a code that nobody prints."""
    assert {page.name for page in RULE_PAGES.glob("*.md")} <= {page.name for page in generated()}
