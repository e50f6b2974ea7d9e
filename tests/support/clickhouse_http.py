"""A stand-in for a ClickHouse server: the engine (chDB) behind as much of its HTTP interface as our client uses.

    python -m tests.support.clickhouse_http --port 8123 --path DIR [--password SECRET]

For tests where neither a server nor Docker is at hand; the SQL, the formats and the errors are the engine's own.
Never a deployment: one process, one user, no limits, no query log.
"""

from __future__ import annotations

import argparse
import base64
import email
import email.policy
import gzip
import hmac
import re
import uuid
from typing import Any

import chdb
import lz4.frame  # type: ignore[import-untyped]
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from shared.store.chdb_insert import insert_rows
from shared.store.codes import error_code

INSERT = re.compile(rb"\s*INSERT\s+INTO\s+(?P<target>[^\n]*?)\s+FORMAT\s+JSONEachRow[ \t]*\n(?P<data>.*)", re.S | re.I)
TRANSPORT_PARAMETERS = frozenset(
    {
        "query",
        "database",
        "user",
        "password",
        "quota_key",
        "session_id",
        "query_id",
        "default_format",
        "client_protocol_version",
        "wait_end_of_query",
        "buffer_size",
        "compress",
        "decompress",
    }
)
"""URL parameters of the interface; all others but `param_*` are engine settings."""

MAX_FIELD_BYTES = 128 * 1024
"""What a server takes of one parameter: its setting `http_max_field_value_size`."""

STATUSES = {60: 404, 81: 404, 115: 404, 46: 404, 47: 404, 62: 400, 27: 400, 117: 400, 159: 408, 516: 403}
"""HTTP statuses of some error codes; 500 for the others."""


class Server:
    """The engine on a directory, and what it takes to answer a request."""

    def __init__(self, path: str, password: str) -> None:
        self.path = path
        self.password = password
        self.engine = chdb.connect(path)  # kept open, so that the handles of the requests are cheap

    async def ping(self, _: Request) -> Response:
        return PlainTextResponse("Ok.\n")

    async def answer(self, request: Request) -> Response:
        """Run the one statement of a request."""
        if not self.is_allowed(request):
            return failure("Code: 516. DB::Exception: default: Authentication failed. (AUTHENTICATION_FAILED)")
        parameters = dict(request.query_params)
        try:
            body = decompress(await request.body(), request.headers.get("content-encoding", ""))
        except ClientDisconnect:
            return Response()  # nobody is there to read it
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            parameters |= form_fields(request.headers["content-type"], body)
            body = b""
        if any(len(value.encode()) > MAX_FIELD_BYTES for value in parameters.values()):
            return failure("Code: 1000. DB::Exception: HTML Form Exception: Field value too long. (POCO_EXCEPTION)")
        statement = b"\n".join(part for part in (parameters.get("query", "").encode(), body) if part)
        try:
            output_format, output = await run_in_threadpool(self.run, statement, parameters)
        except RuntimeError as error:
            return failure(str(error))
        headers = {"X-ClickHouse-Summary": "{}", "X-ClickHouse-Query-Id": str(uuid.uuid4())}
        if output:
            headers["X-ClickHouse-Format"] = output_format
        return Response(output, headers=headers)

    def is_allowed(self, request: Request) -> bool:
        given = request.headers.get("x-clickhouse-key", request.query_params.get("password", ""))
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            given = base64.b64decode(credentials).decode().partition(":")[2]
        return hmac.compare_digest(given.encode(), self.password.encode())

    def run(self, statement: bytes, parameters: dict[str, str]) -> tuple[str, bytes]:
        """(format, output) of a statement, on a handle of its own: settings and database end with the request."""
        handle = chdb.connect(self.path)
        try:
            if "database" in parameters:
                handle.query(f"USE `{parameters['database']}`", "Null")
            settings = {
                name: value
                for name, value in parameters.items()
                if name not in TRANSPORT_PARAMETERS and not name.startswith("param_")
            }
            if settings:  # in one statement: each takes a tenth of a millisecond, and a server takes none
                given = sorted(settings, key=lambda setting: setting == "readonly")
                handle.query("SET " + ", ".join(f"{name} = {quoted(settings[name])}" for name in given), "Null")
            insert = INSERT.fullmatch(statement)
            if insert is not None:
                insert_rows(handle, insert["target"].decode(), insert["data"])
                return "", b""
            values = {name[len("param_") :]: value for name, value in parameters.items() if name.startswith("param_")}
            output_format = parameters.get("default_format", "TabSeparated")
            output: bytes = handle.query(statement.decode(), output_format, params=values).bytes()
            named = re.search(r"\sFORMAT\s+(\w+)\s*;?\s*$", statement.decode(), re.IGNORECASE)
            return named[1] if named else output_format, output
        finally:
            handle.close()


def quoted(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def decompress(body: bytes, encoding: str) -> bytes:
    """A request body as it was before its Content-Encoding."""
    match encoding:
        case "gzip":
            return gzip.decompress(body)
        case "lz4":
            plain: bytes = lz4.frame.decompress(body)
            return plain
        case _:
            return body


def form_fields(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of a multipart form: the statement and its parameters, when they are too long for a URL."""
    message = email.message_from_bytes(
        f"Content-Type: {content_type}\r\n\r\n".encode() + body, policy=email.policy.HTTP
    )
    fields: dict[str, str] = {}
    for part in message.iter_parts():
        name: Any = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        fields[str(name)] = payload.decode()
    return fields


def failure(text: str) -> Response:
    """An engine error as the server answers it."""
    code = error_code(text)
    body = text[text.find("Code: ") :] if code else text
    headers = {"X-ClickHouse-Exception-Code": str(code)} if code else {}
    return PlainTextResponse(body, STATUSES.get(code, 500), headers)


def main() -> None:
    """Serve until a signal comes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--password", default="")
    options = parser.parse_args()
    server = Server(options.path, options.password)
    routes = [Route("/ping", server.ping), Route("/", server.answer, methods=["GET", "POST"])]
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
