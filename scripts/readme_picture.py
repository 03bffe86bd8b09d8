"""The picture of the README, docs/diagnosis.png: what its first block draws.

python scripts/readme_picture.py
"""

import os
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Run the block where its picture belongs."""
    block = re.search(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    assert block is not None
    os.chdir(ROOT / "docs")
    exec(compile(block[1], "README.md", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    main()
