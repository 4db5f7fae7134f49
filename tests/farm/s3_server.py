"""An S3 server on localhost (moto's) for tests, in a thread, which can be told to misbehave."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

BUCKET = "synth-tests"


@dataclass
class S3:
    """url: of the bucket. requests: "METHOD /path" of all that came. fail: decides which of them get error 503."""

    endpoint: str = ""
    requests: list[str] = field(default_factory=list)
    fail: Callable[[str], bool] = lambda request: False
    url: str = f"s3://{BUCKET}"

    def __call__(self, app: Callable) -> Callable:
        def wsgi(environ: dict, start: Callable) -> object:
            request = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
            self.requests.append(request)
            if not self.fail(request):
                return app(environ, start)
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start("503 Slow Down", [("Content-Length", "0")])
            return [b""]

        return wsgi


@contextmanager
def s3_server() -> Iterator[S3]:
    """The server with one empty bucket; credentials and endpoint are in the environment, as users give them."""
    pytest.importorskip("s3fs")
    moto = pytest.importorskip("moto.server")
    from werkzeug.serving import WSGIRequestHandler, make_server

    s3 = S3()
    app = moto.DomainDispatcherApplication(moto.create_backend_app)
    quiet = type("Quiet", (WSGIRequestHandler,), {"log_request": lambda *_: None})
    server = make_server("127.0.0.1", 0, s3(app), threaded=True, request_handler=quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    s3.endpoint = f"http://127.0.0.1:{server.port}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "tests")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
        patch.setenv("AWS_RETRY_MODE", "standard")
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        files = fresh_filesystem()
        files.makedirs(BUCKET, exist_ok=True)  # what moto holds is the process's
        yield s3
        fresh_filesystem()
    server.shutdown()
    server.server_close()


def fresh_filesystem():
    """s3fs as a process that has just started sees it."""
    import fsspec
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    return fsspec.filesystem("s3", skip_instance_cache=True)
