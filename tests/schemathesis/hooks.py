"""What schemathesis cannot make up by itself: programs and archives."""

import io
import pathlib
import tarfile

import schemathesis
from hypothesis import strategies as st

HELLO = (pathlib.Path(__file__).resolve().parent.parent.parent / "guests/build/hello.wasm").read_bytes()
TEXT = b'(module (func (export "_start")))'


def archive(*names):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = len(name)
            tar.addfile(entry, io.BytesIO(name.encode()))
    return out.getvalue()


schemathesis.openapi.media_type("application/wasm", st.sampled_from([HELLO, TEXT]) | st.binary(max_size=64))
schemathesis.openapi.media_type(
    "application/x-tar", st.sampled_from([b"", archive("a"), archive("b/c", ".env"), archive("../d")]) | st.binary(max_size=64)
)


@schemathesis.deserializer("application/x-tar", "application/zip", "application/octet-stream")
def as_it_is(ctx, response):
    return response.content.decode("latin-1")


@schemathesis.hook
def filter_case(context, case):
    """Nobody closes a tenant: it could be that of the run."""
    closes = isinstance(case.body, dict) and case.body.get("open") is False
    return not (closes and case.operation.label == "PATCH /v1/tenants/{id}")
