"""Keys and tokens as NATS has them: Ed25519 seeds, and JWTs with `alg: ed25519-nkey`.

    keys.py make FOLDER            an operator, an account, and who signs for nobody; server.conf without a port
    keys.py token FOLDER [TTL]     a bearer token of user GOLDWIRE_USER_INDEX, good for TTL seconds, 3600 if not given
    keys.py sign FOLDER own|foreign    signs the claims on stdin, as the account would or as a stranger
"""
import base64, hashlib, json, os, pathlib, sys, time

import nkeys


def seed(kind):
    return nkeys.encode_seed(os.urandom(32), kind)


def public(seed):
    return nkeys.from_seed(bytearray(seed)).public_key.decode()


def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(seed, claims):
    claims = {"iat": int(time.time()), **claims, "iss": public(seed)}
    claims["jti"] = base64.b32encode(hashlib.sha256(json.dumps(claims).encode()).digest()).decode().rstrip("=")
    head = json.dumps({"typ": "JWT", "alg": "ed25519-nkey"}, separators=(",", ":"))
    text = part(head.encode()) + "." + part(json.dumps(claims, separators=(",", ":")).encode())
    return text + "." + part(nkeys.from_seed(bytearray(seed)).sign(text.encode()))


def make(folder):
    operator, account, system, stranger = seed(nkeys.PREFIX_BYTE_OPERATOR), *(seed(nkeys.PREFIX_BYTE_ACCOUNT) for _ in range(3))
    limits = {key: -1 for key in ("subs", "data", "payload", "imports", "exports", "conn", "leaf")} | {"wildcards": True}

    def of_account(name, its):
        nats = {"type": "account", "version": 2, "limits": limits}
        return f"{public(its)}: {signed(operator, {'name': name, 'sub': public(its), 'nats': nats})}"

    of_operator = signed(operator, {"name": "operator", "sub": public(operator), "nats": {"type": "operator", "version": 2}})
    for name, text in (("account.seed", account), ("stranger.seed", stranger)):
        (folder / name).write_bytes(text)
        (folder / name).chmod(0o600)
    # The system's account answers what users ask of the server itself.
    accounts = f"{of_account('rooms', account)}, {of_account('system', system)}"
    (folder / "server.conf").write_text(
        f"operator: {of_operator}\nsystem_account: {public(system)}\nresolver: MEMORY\nresolver_preload: {{ {accounts} }}\n"
    )


def token(folder, ttl):
    user, index = seed(nkeys.PREFIX_BYTE_USER), os.environ.get("GOLDWIRE_USER_INDEX", "1")
    # A bearer token needs no signature of the server's nonce: the same JWT without `bearer_token` would.
    allow = json.loads(os.environ.get("NATS_PERMISSIONS", '{"pub": {"deny": ["secret.>"]}}'))
    nats = {"type": "user", "version": 2, "bearer_token": True, "subs": -1, "data": -1, "payload": -1, **allow}
    claims = {"name": f"user{index}", "sub": public(user), "exp": int(time.time()) + ttl, "nats": nats}
    return signed((folder / "account.seed").read_bytes(), claims)


if __name__ == "__main__":
    verb, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    if verb == "make":
        make(folder)
    elif verb == "token":
        print(token(folder, int(sys.argv[3]) if len(sys.argv) > 3 else 3600))
    else:
        signer = {"own": "account.seed", "foreign": "stranger.seed"}[sys.argv[3]]
        print(signed((folder / signer).read_bytes(), json.load(sys.stdin)))
