"""The headlines that every scorer of the benchmark gets, and the processor that it runs on."""

import csv
import gzip
import os
import platform
import random
from pathlib import Path

RECORDED = "labelled/cryptolin_headlines.csv.gz"
_MADE = (
    ("Bitcoin", "Ether", "Solana", "The exchange", "A miner", "The regulator"),
    ("rallies", "slips", "approves", "sues", "buys", "halts", "reports"),
    (
        "after record inflows",
        "amid fears of a hack",
        "on Monday",
        "as traders wait for the central bank",
        "for $20 million",
    ),
)
_FLAGS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm")


def headlines(n: int) -> tuple[list[str], str]:
    """So many headlines, and where they are from: the recorded ones, or made ones where they are missing."""
    file = Path(os.environ.get("DRIFTLINE_RECORDED_DATA", "../shared/data")) / RECORDED
    if file.is_file():
        with gzip.open(file, "rt", encoding="utf-8") as rows:
            found = [row["text"] for row in csv.DictReader(rows)]
        return (found * (n // len(found) + 1))[:n], "recorded crypto headlines"
    chance = random.Random(7)
    return [" ".join(chance.choice(part) for part in _MADE) for _ in range(n)], "made headlines"


def processor() -> str:
    """The name of the processor and which of the flags it has that int8 arithmetic depends on."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.is_file() else []
    stated = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = set(stated.get("flags", stated.get("Features", "")).split())
    name = stated.get("model name", platform.processor() or platform.machine())
    return f"{name}; {', '.join(flag for flag in _FLAGS if flag in flags) or 'no flag of int8 arithmetic is known'}"
