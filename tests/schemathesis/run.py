#!/usr/bin/env python3
"""Runs schemathesis, with all of its checks, against a service of its own: `run.py PATH-OF-RINGFENCE [MORE ARGUMENTS]`.

Schemathesis is kept outside of the tree, in $RINGFENCE_TOOLS_DIR or ~/.cache/ringfence/tools. It acts for the
administrators of two tenants, so that it can look for objects of one in the hands of the other. They come with tokens of
an issuer that is made up here: whatever the run revokes, deletes or suspends, it cannot lock itself out unseen.
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
TOOLS = pathlib.Path(os.environ.get("RINGFENCE_TOOLS_DIR") or pathlib.Path.home() / ".cache/ringfence/tools").absolute()
VERSION = "4.32.5"
TENANTS = {"main": "house", "other": "guest"}


def tool():
    """The command of schemathesis, which is installed once."""
    home = TOOLS / f"schemathesis-{VERSION}"
    command = home / "bin" / "schemathesis"
    if not command.exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run([home / "bin" / "pip", "install", "--quiet", f"schemathesis=={VERSION}"], check=True)
    return command


def token(secret, tenant):
    def code(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    def part(value):
        return code(json.dumps(value).encode())

    now = int(time.time())
    claims = {"iss": "schemathesis", "aud": tenant, "sub": TENANTS[tenant], "iat": now, "exp": now + 36_000}
    text = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}"
    return f"{text}.{code(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def settings(work, secret):
    (work / "secret").write_bytes(secret)
    issuers = "".join(
        f"""
[[identity.tokens.issuers]]
issuer = "schemathesis"
audience = "{tenant}"
algorithms = ["HS256"]
keys = {{ secret_file = "{work / 'secret'}" }}
tenant = "{tenant}"
unknown_principals = "accept"
roles = ["admin"]
"""
        for tenant in TENANTS
    )
    file = work / "ringfence.toml"
    # Credentials that are wrong belong to what is tried.
    file.write_text(f"[identity.guesses]\nnever_limited = ['127.0.0.1/32']\n{issuers}")
    return file


def ask(url, credential, method="GET", body=None, kind="application/json"):
    headers = {"Authorization": f"Bearer {credential}", "Content-Type": kind}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=30) as answer:
        return json.load(answer)


def furnish(url, credential):
    """Something of each kind, so that there is something to find."""
    hello = (HERE.parent.parent / "guests/build/hello.wasm").read_bytes()
    component = ask(f"{url}/v1/components", credential, "POST", hello, "application/wasm")["digest"]
    ask(f"{url}/v1/workspaces/site", credential, "PUT", b"")
    ask(f"{url}/v1/sandboxes", credential, "POST", b'{"workspace": "site"}')
    ask(f"{url}/v1/runs", credential, "POST", json.dumps({"component": component}).encode())


def main():
    ringfence, *more = sys.argv[1:]
    command = tool()
    with tempfile.TemporaryDirectory(prefix="ringfence-schema-") as folder:
        work = pathlib.Path(folder)
        secret = secrets.token_hex(32).encode()
        file = settings(work, secret)
        log = open(work / "log", "wb")
        serve = [ringfence, "serve", "--json", "--config", file, "--data-dir", work / "data", "--listen", "127.0.0.1:0"]
        service = subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=log)
        try:
            said = json.loads(service.stdout.readline())
            url, key = said["url"], said["first_key"]
            ask(f"{url}/v1/tenants", key, "POST", b'{"id": "other", "admin": "boss"}')
            tokens = {name: token(secret, tenant) for tenant, name in TENANTS.items()}
            for credential in tokens.values():
                furnish(url, credential)
            people = [
                {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {credential}"}]}
                for name, credential in tokens.items()
            ]
            (work / "auth.json").write_text(json.dumps({"auth": people}))
            told = {"RINGFENCE_AUTH": str(work / "auth.json"), "RINGFENCE_HOOKS": str(HERE / "hooks.py")}
            arguments = ["--config-file", HERE / "schemathesis.toml", "run", f"{url}/openapi.json", *more]
            code = subprocess.run([command, *arguments], env={**os.environ, **told}, cwd=work).returncode
            # A run that has locked itself out has tested nothing.
            for name, credential in tokens.items():
                try:
                    ask(f"{url}/v1/whoami", credential)
                except urllib.error.HTTPError as error:
                    print(f"{name} was locked out: {error.read().decode()}", file=sys.stderr)
                    code = code or 1
        finally:
            service.send_signal(signal.SIGTERM)
            stopped = service.wait(timeout=60)
    if stopped != 0:
        print(f"the service ended with {stopped}", file=sys.stderr)
    sys.exit(code or stopped)


if __name__ == "__main__":
    main()
