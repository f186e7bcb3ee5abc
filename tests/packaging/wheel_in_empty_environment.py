"""Install the built wheel into an empty environment and run its command, as images do."""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def main(dist: Path) -> None:
    """Build an environment in a temporary folder and run ``driftline`` from it."""
    wheels = sorted(dist.glob("driftline-*.whl"))
    if len(wheels) != 1:
        sys.exit(f"expected one wheel in {dist}, found {len(wheels)}: run `make clean wheel`")
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", ROOT / "requirements.lock"], check=True)
        subprocess.run([*pip, "--no-deps", wheels[0].resolve()], check=True)
        for arguments in (["--help"], ["doctor"], ["up", "--help"]):
            subprocess.run([Path(folder) / "bin" / "driftline", *arguments], cwd=folder, check=True)
        migrated = (
            "import schemas.migrations.versions, api.routes.pages, deploy.local; print('packages are whole')"
        )
        subprocess.run([python, "-c", migrated], cwd=folder, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
