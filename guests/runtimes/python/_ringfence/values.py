"""A value in every form that it has, none of them longer than the caller asked for."""

import base64
import io
import json
import reprlib
import sys

from _ringfence import sealed

__builtins__ = sealed.OWN

from _ringfence_world.exports import interpreter as wit  # noqa: E402

SHOWN = 100
# Past so many things in a container, looking at them all would cost more than the snippet did.
THINGS = 200_000
METHODS = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_svg_": "image/svg+xml",
    "_repr_latex_": "text/latex",
    "_repr_json_": "application/json",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
}


# More than a notebook has, and each is one for the host to read.
FORMS = 20


# Numbers below this are written alike in Python and in JSON, and in no more than so many places.
MOST, PLACES = 1 << 63, 20
_encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode
# Classes of the language itself: nobody can give them a form.
FORMLESS = frozenset({int, bool, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, range})


def described(value, limit):
    """As `describe`, and where the snippet is in the way of that, a value all the same."""
    try:
        return describe(value, limit)
    except BaseException:  # noqa: B902
        return wit.Value(json=None, text="<it could not be shown>", cut=False, forms=[])


def describe(value, limit):
    if type(value) is int and -MOST < value < MOST and limit >= PLACES:
        text = repr(value)
        return wit.Value(json=text, text=text, cut=False, forms=[])
    large = _is_large(value)
    text, cut = _text(value, limit, large)
    as_json = None if large else _json(value)
    if as_json is not None and len(as_json) > limit:
        as_json, cut = None, True
    forms, some_left_out = _forms(value, limit)
    return wit.Value(json=as_json, text=text, cut=cut or some_left_out, forms=forms)


def _is_large(value):
    """Counts what is inside plain containers, without calling anything of the snippet's."""
    left = [value]
    count = 0
    while left:
        thing = left.pop()
        kind = type(thing)
        if kind is dict:
            count += len(thing)
            left.extend((*thing, *thing.values())) if count <= THINGS else None
        elif kind in (list, tuple, set, frozenset):
            count += len(thing)
            left.extend(thing) if count <= THINGS else None
        elif kind in (str, bytes, bytearray):
            count += len(thing) // 64
        if count > THINGS:
            return True
    return False


def _text(value, limit, large):
    try:
        text = reprlib.repr(value) if large else repr(value)
        text = text if type(text) is str else str(text)
    except BaseException as error:  # noqa: B902  it is the snippet's code
        return f"<repr failed: {type(error).__name__}>", False
    text = text.encode("utf-8", "backslashreplace").decode()
    if len(text.encode()) <= limit:
        return text, large
    return text.encode()[:limit].decode("utf-8", "ignore"), True


def _json(value):
    try:
        return _encode(value).encode().decode()
    except BaseException:  # noqa: B902  not JSON, or too deep, or a method of the snippet's
        return None


def _forms(value, limit):
    found = {}
    if type(value) in FORMLESS:
        return [], False
    if not isinstance(value, type):
        _from_bundle(value, found)
        for method, mime in METHODS.items():
            if mime not in found and hasattr(type(value), method):
                _keep(found, mime, lambda method=method: getattr(value, method)())
        if "image/png" not in found and _is_figure(value):
            _keep(found, "image/png", lambda: _drawn(value))
    forms = [_form(mime, data) for mime, data in found.items() if data is not None]
    kept = [form for form in forms if len(form.data) + len(form.mime) <= limit][:FORMS]
    return kept, len(kept) < len(forms)


def _from_bundle(value, found):
    if hasattr(type(value), "_repr_mimebundle_"):
        bundle = {}
        _keep(bundle, "", lambda: value._repr_mimebundle_(include=None, exclude=None))
        bundle = bundle.get("")
        bundle = bundle[0] if isinstance(bundle, tuple) and bundle else bundle
        if isinstance(bundle, dict):
            found |= {mime: data for mime, data in bundle.items() if isinstance(mime, str) and mime != "text/plain"}


def _keep(found, mime, make):
    try:
        data = make()
    except BaseException:  # noqa: B902  a form that cannot be made is not there
        return
    found[mime] = data[0] if isinstance(data, tuple) and mime and data else data


def _form(mime, data):
    if isinstance(data, (bytes, bytearray)):
        return wit.Form(mime=mime, data=base64.b64encode(data).decode(), base64=True)
    if isinstance(data, str):
        # Notebooks give images as base64 text already.
        return wit.Form(mime=mime, data=data, base64=mime.startswith("image/") and mime != "image/svg+xml")
    return wit.Form(mime=mime, data=_json(data) or "null", base64=False)


def _is_figure(value):
    module = sys.modules.get("matplotlib.figure")
    return module is not None and isinstance(value, module.Figure)


def _drawn(figure):
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", bbox_inches="tight")
    return drawn.getvalue()
