"""Writes the documents, unless that would break a promise: ``python -m schemas.contracts``."""

import sys
from pathlib import Path

from schemas.contracts.documents import documents
from schemas.contracts.gates import broken_promises


def main(folder: Path) -> int:
    """Update the documents of a folder.

    Returns:
        0, or 1 if a change is incompatible and nothing was written.
    """
    generated = documents()
    committed = {path: (folder / path).read_bytes() for path in generated if (folder / path).exists()}
    broken = broken_promises(committed, generated)
    if broken:
        print("\n".join(broken), file=sys.stderr)
        return 1
    for path, content in generated.items():
        if committed.get(path) == content:
            continue
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).parent))
