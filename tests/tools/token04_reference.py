#!/usr/bin/env python3
"""Makes token04 tokens without the Rust code, to check it against.

Prints one JSON line for each token: how it was made, the token, and what was put into it. The styles imitate what the
published generators do differently: the order of keys, the escapes, the nonce, the initialisation vector. Each style
comes in AES-256-CBC and AES-256-GCM, with and without privileges. The same --seed prints the same lines.

    python3 tests/tools/token04_reference.py --count 200 --seed 4 > token/tests/fixtures/reference_tokens.jsonl

Needs one of the PyPI packages `cryptography` and `pycryptodome`.
"""

import argparse
import base64
import json
import random
import struct

try:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    def cbc(key, iv, padded):
        encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
        return encryptor.update(padded) + encryptor.finalize()

    def gcm(key, nonce, plain):
        return AESGCM(key).encrypt(nonce, plain, None)

except ImportError:
    from Crypto.Cipher import AES

    def cbc(key, iv, padded):
        return AES.new(key, AES.MODE_CBC, iv=iv).encrypt(padded)

    def gcm(key, nonce, plain):
        ciphertext, tag = AES.new(key, AES.MODE_GCM, nonce=nonce).encrypt_and_digest(plain)
        return ciphertext + tag


ALNUM = "0123456789abcdefghijklmnopqrstuvwxyz"
COMMON = ["app_id", "user_id", "nonce", "ctime", "expire", "payload"]
INT31, INT32 = (0, 2**31 - 1), (-(2**31), 2**31 - 1)


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def php(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).replace("/", "\\/")


def go(value):
    text = compact(value)
    for char in "<>&":
        text = text.replace(char, "\\u%04x" % ord(char))
    return text


def java(value):
    return compact(value).replace("/", "\\/")


def spaced(value):
    return json.dumps(value, ensure_ascii=False)


# style: order of keys, writer of JSON, range of the nonce, characters of the initialisation vector (None: any byte)
STYLES = {
    "go": (["app_id", "user_id", "ctime", "expire", "nonce", "payload"], go, INT31, ALNUM),
    "node": (COMMON, compact, INT31, ALNUM),
    "python": (COMMON, spaced, INT31, ALNUM[:16]),
    "php": (COMMON, php, INT32, ALNUM),
    "java": (["user_id", "payload", "expire", "ctime", "app_id", "nonce"], java, INT32, None),
    "dotnet": (["app_id", "user_id", "payload", "ctime", "expire", "nonce"], compact, INT31, ALNUM),
}

USER_IDS = ["alice", "u", "user_1", "用户_é", "a/b", "<bob>&co", 'quote"back\\slash', "😀smile", "x" * 64]
ROOM_IDS = ["lobby", "r", "room/1", "<r&d>", "房间", "y" * 128]
STREAM_IDS = ["s1", "alice-mic", "alice_2", "a/b", "流", "z" * 256]


def text_iv(rng, length, characters):
    if characters is None:
        return rng.randbytes(length)
    return "".join(rng.choice(characters) for _ in range(length)).encode()


def seal(rng, cipher, key, plain, expire, iv_characters):
    if cipher == "cbc":
        iv = text_iv(rng, 16, iv_characters)
        pad = 16 - len(plain) % 16
        ciphertext, mode = cbc(key, iv, plain + bytes([pad]) * pad), b""
    else:
        iv = text_iv(rng, 12, iv_characters)
        ciphertext, mode = gcm(key, iv, plain), b"\x01"
    packed = struct.pack(">q", expire)
    packed += struct.pack(">H", len(iv)) + iv
    packed += struct.pack(">H", len(ciphertext)) + ciphertext + mode
    return "04" + base64.b64encode(packed).decode()


def some_privileges(rng):
    streams = rng.choice([None, None, rng.sample(STREAM_IDS, rng.randint(1, 3))])
    return {
        "room_id": rng.choice(ROOM_IDS),
        "login": rng.random() < 0.8,
        "publish": rng.random() < 0.6,
        "streams": streams,
    }


def payload_of(privileges, write):
    if privileges is None:
        return ""
    return write(
        {
            "room_id": privileges["room_id"],
            "privilege": {"1": int(privileges["login"]), "2": int(privileges["publish"])},
            "stream_id_list": privileges["streams"],
        }
    )


def reference(rng, style, cipher):
    order, write, nonce_range, iv_characters = STYLES[style]
    secret = "".join(rng.choice(ALNUM) for _ in range(32))
    ctime = rng.randint(1_600_000_000, 1_900_000_000)
    privileges = some_privileges(rng) if rng.random() < 0.6 else None
    claims = {
        "app_id": rng.choice([1, rng.randint(1, 2**32 - 1), 2**32 - 1]),
        "user_id": rng.choice(USER_IDS),
        "nonce": rng.choice([rng.randint(*nonce_range), *nonce_range]),
        "ctime": ctime,
        "expire": ctime + rng.choice([1, 3600, 86_400, 31 * 86_400]),
    }
    sealed = {**claims, "payload": payload_of(privileges, write)}
    plain = write({key: sealed[key] for key in order}).encode()
    token = seal(rng, cipher, secret.encode(), plain, claims["expire"], iv_characters)
    return {"style": style, "cipher": cipher, "secret": secret, "token": token, **claims, "privileges": privileges}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200, help="how many tokens (default 200)")
    parser.add_argument("--seed", type=int, default=4, help="the same seed gives the same tokens (default 4)")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    kinds = [(style, cipher) for style in STYLES for cipher in ("cbc", "gcm")]
    for index in range(arguments.count):
        print(json.dumps(reference(rng, *kinds[index % len(kinds)])))


if __name__ == "__main__":
    main()
