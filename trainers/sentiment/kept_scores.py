"""Keeps scores of articles on disk, by the content of the text and the id of the scorer.

A score depends on nothing else, so it never grows old. One SQLite file holds the scores of all scorers; it may be deleted at
any time.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.errors import StoreUnavailableError
from stream_processors.sentiment.ports import PreparedText, Refusal, Scorer
from stream_processors.sentiment.preparing import prepare
from trainers.sentiment.scoring import BATCH

_TABLE = """
CREATE TABLE IF NOT EXISTS scores (scorer TEXT, content BLOB, score REAL, PRIMARY KEY (scorer, content)) WITHOUT ROWID
"""
_COMMIT_EVERY = 32


class Text(NamedTuple):
    """A text of an article.

    Attributes:
        body: Its text or its summary; None if there is only a title.
    """

    title: str
    body: str | None

    @property
    def content(self) -> bytes:
        """The hash of the text."""
        return hashlib.sha256(
            f"{len(self.title)}:{self.title}{self.body or ''}".encode(errors="replace")
        ).digest()


class KeptScores:
    """Scores of texts, each made once.

    Args:
        path: The file.
        asset: The asset that the texts are prepared for; it is part of what a score is kept under.
    """

    def __init__(self, path: Path, asset: str) -> None:
        self._path = path
        self._asset = asset

    def of(
        self, scorer: Scorer, texts: Sequence[Text], progress: Callable[[float], None] = lambda _share: None
    ) -> NDArray[np.float64]:
        """The score of each text, NaN for a refusal; what is not kept yet is scored and kept.

        Args:
            scorer: The scorer.
            texts: The texts.
            progress: Told the share of the missing scores that is made.

        Raises:
            StoreUnavailableError: If the file cannot be read or written.
        """
        keys = [text.content for text in texts]
        name = f"{scorer.id}/{self._asset}"
        with self._open() as store:
            known = dict(store.execute("SELECT content, score FROM scores WHERE scorer = ?", (name,)))
            missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
            for share, scores in self._made(scorer, missing):
                store.executemany(
                    "INSERT OR REPLACE INTO scores VALUES (?, ?, ?)",
                    [(name, key, score) for key, score in scores.items()],
                )
                store.commit()
                known |= scores
                progress(share)
        return np.array([np.nan if known[key] is None else known[key] for key in keys], dtype=np.float64)

    def _made(
        self, scorer: Scorer, missing: dict[bytes, Text]
    ) -> Iterator[tuple[float, dict[bytes, float | None]]]:
        """Scores of texts that are not kept, some thousand at a time."""
        pairs = list(missing.items())
        step = BATCH * _COMMIT_EVERY
        for start in range(0, len(pairs), step):
            found: dict[bytes, float | None] = {}
            for at in range(start, min(start + step, len(pairs)), BATCH):
                found |= self._scores(scorer, pairs[at : at + BATCH])
            yield min(1.0, (start + step) / len(pairs)), found

    def _scores(self, scorer: Scorer, pairs: Sequence[tuple[bytes, Text]]) -> dict[bytes, float | None]:
        readied: list[tuple[bytes, PreparedText | Refusal]] = [
            (key, prepare(text.title, text.body, None, self._asset)) for key, text in pairs
        ]
        chosen = [(key, text) for key, text in readied if isinstance(text, PreparedText)]
        scored = scorer.score([text for _, text in chosen]) if chosen else []
        found: dict[bytes, float | None] = {key: None for key, _ in readied}
        return found | {key: each.score for (key, _), each in zip(chosen, scored, strict=True)}

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            store = sqlite3.connect(self._path, timeout=60)
            try:
                store.execute(_TABLE)
                yield store
            finally:
                store.close()
        except (OSError, sqlite3.Error) as error:
            message = f"the kept scores in {self._path} cannot be used: {error}. The file may be deleted"
            raise StoreUnavailableError(message) from error
