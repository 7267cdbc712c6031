"""Write the generated pages again, and paste present output where a page no longer agrees.

    make docs

Read the difference before committing it: a page that changed without reason is a program that did.
"""

import sys
import tempfile
from pathlib import Path

from docs_console import pasted, read_session, run
from docs_pages import CHECKOUT, DOCS, generated

sys.path.insert(0, str(CHECKOUT / "tests"))

from docs_worlds import WORLDS


def main() -> int:
    """Always exit status 0: what could not be pasted is told by the tests."""
    for page, text in generated().items():
        _write(page, text)
    for page in [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]:
        session = read_session(page)
        if not session.commands:
            continue
        print(f"running {page.relative_to(CHECKOUT)}", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            results = list(run(session, Path(folder), WORLDS))
        _write(page, pasted(session, results))
    return 0


def _write(page: Path, text: str) -> None:
    before = page.read_text(encoding="utf-8") if page.exists() else None
    if text != before:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8", newline="\n")
        print(f"wrote {page.relative_to(CHECKOUT)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
