"""Serves the page at ``/``: one file that loads nothing from other hosts, under a content security policy."""

import base64
import hashlib
import re
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

_PAGE = Path(__file__).parent / "page.html"
_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


def content_policy(html: str) -> str:
    """Return the Content-Security-Policy that allows only the script and the style of this page."""
    allowed: dict[str, list[str]] = {"script": [], "style": []}
    for kind, content in _INLINE.findall(html):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        allowed[kind].append(f"'sha256-{digest}'")
    return (
        "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; "
        f"script-src {' '.join(allowed['script'])}; style-src {' '.join(allowed['style'])}"
    )


def make_router() -> APIRouter:
    """Build the route of the page; the file is read once, from the package."""
    router = APIRouter()
    html = _PAGE.read_text(encoding="utf-8")
    headers = {
        "Content-Security-Policy": content_policy(html),
        "Cache-Control": "no-cache",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }

    @router.get("/", include_in_schema=False)
    async def page() -> Response:
        return HTMLResponse(html, headers=headers)

    return router
