"""The page's files: `appliance/page`, read once at the start and served from memory; no path leads elsewhere.

The first file names all others below `/page/VERSION/`, where VERSION is a digest of all of them, and modules name each
other by relative paths. So a browser asks for each file once and never again, and a page that stands open while the
appliance is replaced never gets a module of another version: there is no such file any more.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from importlib.resources import files
from importlib.resources.abc import Traversable

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from msgspec import Struct

from appliance.transport.operator_http.faults import AnyRequest
from appliance.transport.operator_http.signed_in import PUBLIC

_NOT_SERVED = (".py", ".pyc", ".md")
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".woff2": "font/woff2", ".svg": "image/svg+xml"}


class PageFile(Struct, frozen=True, kw_only=True):
    """One file, and the same compressed: the bytes are the same for everybody, so that their length tells nothing."""

    content: bytes
    gzipped: bytes
    media_type: str
    etag: str


def read_page() -> dict[str, PageFile]:
    """Every file by its path below the page's folder."""
    return dict(_walk(files("appliance") / "page", ""))


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, PageFile]]:
    found: list[tuple[str, PageFile]] = []
    if not folder.is_dir():
        return found
    for entry in folder.iterdir():
        path = prefix + entry.name
        if entry.is_dir():
            found += [] if entry.name.startswith(("_", ".")) else _walk(entry, f"{path}/")
        elif not entry.name.endswith(_NOT_SERVED):
            found.append((path, _file(path, entry.read_bytes())))
    return found


def _file(path: str, content: bytes) -> PageFile:
    ending = path[path.rfind(".") :]
    media_type = _TYPES.get(ending) or mimetypes.guess_type(path)[0] or "application/octet-stream"
    if media_type.startswith("text/"):
        media_type += "; charset=utf-8"
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return PageFile(content=content, gzipped=gzip.compress(content, 9, mtime=0), media_type=media_type, etag=etag)


_PAGE = read_page()
VERSION = hashlib.sha256("".join(sorted(path + file.etag for path, file in _PAGE.items())).encode()).hexdigest()[:16]
_INDEX = _file("index.html", _PAGE["index.html"].content.replace(b'"/page/', f'"/page/{VERSION}/'.encode()))
_ASK_AGAIN, _FOR_EVER = "no-cache", "public, max-age=31536000, immutable"


@get("/", opt=PUBLIC, include_in_schema=False)
async def index(request: AnyRequest) -> Response[bytes]:
    """The page itself."""
    return _served(_INDEX, request, _ASK_AGAIN)


@get("/page/{path:path}", opt=PUBLIC, include_in_schema=False)
async def page_file(path: FromPath[str], request: AnyRequest) -> Response[bytes]:
    """One of its files, of this version where the path names one."""
    name = path.lstrip("/")
    versioned = name.removeprefix(f"{VERSION}/")
    file = _PAGE.get(versioned)
    if file is None:
        raise NotFoundException("no such file of the page")
    return _served(file, request, _ASK_AGAIN if versioned == name else _FOR_EVER)


def _served(file: PageFile, request: AnyRequest, caching: str) -> Response[bytes]:
    headers = {"ETag": file.etag, "Cache-Control": caching, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == file.etag:
        return Response(b"", status_code=304, headers=headers, media_type=file.media_type)
    if "gzip" in [coding.strip() for coding in request.headers.get("accept-encoding", "").split(",")]:
        headers["Content-Encoding"] = "gzip"
        return Response(file.gzipped, headers=headers, media_type=file.media_type)
    return Response(file.content, headers=headers, media_type=file.media_type)


ROUTES = (index, page_file)
