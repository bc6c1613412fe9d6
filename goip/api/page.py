"""The web page: hashed files for ever, the shell fresh at every visit, pre-compressed where that helps."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from aiohttp import web

from goip.errors import NotFound

_FOR_EVER = "public, max-age=31536000, immutable"
_FRESH = "no-cache"
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
_NOT_BUILT = (
    "<!doctype html><html lang=en><title>goip</title><body><h1>The page is not built</h1>"
    "<p>Run <code>make install</code> in the checkout, then start the server again. The API works without it.</p>"
)

mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("application/manifest+json", ".webmanifest")


class Page:
    """The built page in a folder; a missing folder is a page that says how to build it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._files: dict[str, Path] = {}
        self._built_at = 0.0

    def _find(self, name: str) -> Path | None:
        """The file of that name in the newest build; only what was found in the folder is ever served."""
        built_at = self._index_time()
        if built_at != self._built_at:
            self._built_at = built_at
            paths = self._folder.rglob("*")
            self._files = {p.relative_to(self._folder).as_posix(): p for p in paths if p.is_file()}
        return self._files.get(name)

    def _index_time(self) -> float:
        try:
            return (self._folder / "index.html").stat().st_mtime
        except OSError:
            return 0.0

    @property
    def build_id(self) -> str | None:
        """What names this build of the page; None where there is none."""
        path = self._find("build-id.txt")
        return None if path is None else path.read_text(encoding="ascii").strip()

    def answer(self, request: web.Request) -> web.StreamResponse:
        """The file at the request's path, or the shell for a path of the page's own router."""
        name = request.path.lstrip("/")
        if self._find(name) is not None:
            return self._file(request, name)
        is_file_at_top = "." in name and "/" not in name
        if is_file_at_top or name.startswith(("api/", "assets/", "socket.io")):
            raise NotFound("there is nothing at this address")
        if self._find("index.html") is None:
            return web.Response(text=_NOT_BUILT, content_type="text/html", status=503)
        return self._file(request, "index.html")

    def _file(self, request: web.Request, name: str) -> web.StreamResponse:
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        headers = {
            "Content-Type": f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
            "Cache-Control": _FOR_EVER if name.startswith("assets/") else _FRESH,
            "Vary": "Accept-Encoding",
        }
        accepted = request.headers.get("Accept-Encoding", "")
        for encoding, ending in _ENCODINGS:
            if encoding in accepted and name + ending in self._files:
                headers["Content-Encoding"] = encoding
                return web.FileResponse(self._files[name + ending], headers=headers)
        return web.FileResponse(self._files[name], headers=headers)
