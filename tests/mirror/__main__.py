"""``python -m tests.mirror --port N [--data DIR] [--faults FILE] [--start-ms MS] [--moving] [--rate N]``."""

import argparse
import json
import os
from pathlib import Path

from schemas.wire.clocks import SystemClock
from tests.mirror.mirrors import Mirror
from tests.mirror.recordings import Recordings
from tests.mirror.running import server_of

HERE = Path(__file__).resolve().parents[2]


def options() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mirror", description="Answers as the outside sources do."
    )
    data = os.environ.get("DRIFTLINE_RECORDED_DATA", HERE.parent / "shared" / "data")
    parser.add_argument("--port", type=int, required=True, help="the port on 127.0.0.1")
    parser.add_argument("--data", type=Path, default=Path(data), help="the folder of recorded data")
    parser.add_argument("--faults", type=Path, help="a file with a list of failures, as JSON")
    parser.add_argument(
        "--start-ms", type=int, help="when the market began; a restart with it has the same market"
    )
    parser.add_argument("--moving", action="store_true", help="news and CoinGecko go on with the market")
    parser.add_argument(
        "--rate", type=float, help="trades a second on average; as recorded, some 129, if it is left out"
    )
    return parser.parse_args()


def main() -> None:
    """Serve until the process is ended."""
    asked = options()
    if not (asked.data / "MANIFEST.md").exists():
        raise SystemExit(
            f"no recorded data in {asked.data}: set DRIFTLINE_RECORDED_DATA or --data to its folder"
        )
    mirror = Mirror(
        Recordings(asked.data),
        SystemClock().now_ms,
        start_ms=asked.start_ms,
        is_moving=asked.moving,
        rate=asked.rate,
    )
    if asked.faults:
        mirror.control({"faults": json.loads(asked.faults.read_text(encoding="utf-8"))})
    print(f"mirror: http://127.0.0.1:{asked.port}", flush=True)
    server_of(mirror, asked.port).run()


if __name__ == "__main__":
    main()
