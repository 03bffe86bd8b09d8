"""The picture of the site's front page, drawn by the front page's own lines.

python scripts/front_picture.py
"""

import re
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def lines():
    """Return the Python block of the front page."""
    page = (DOCS / "index.md").read_text(encoding="utf-8")
    return re.search(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)[1]


if __name__ == "__main__":
    names = {}
    exec(lines(), names)
    names["figure"].savefig(DOCS / "pictures" / "compare.png", dpi=100)
