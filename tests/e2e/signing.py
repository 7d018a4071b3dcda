# SPDX-License-Identifier: Apache-2.0
"""Snapshots and proofs that p2posctl would never make: forged, back-dated, of the same instant.

Ed25519 after RFC 8032 in plain Python, so that the tests need no package and share no line with
what they test. It is slow and leaks time; it signs test data only.
"""
import base64
import hashlib
import json
import pathlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
GY = 4 * pow(5, P - 2, P) % P
GX = 15112221349535400772501151409588531511454012693041857206046113283949847762202
BASE = (GX, GY, 1, GX * GY % P)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n):
    q, p = (0, 1, 1, 0), BASE
    while n:
        if n & 1:
            q = add(q, p)
        p = add(p, p)
        n >>= 1
    z = pow(q[2], P - 2, P)
    x, y = q[0] * z % P, q[1] * z % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def number(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


class Key:
    """An Ed25519 key pair; of a seed, or of a file that p2posctl wrote."""

    def __init__(self, seed):
        self.seed = seed
        h = hashlib.sha512(seed).digest()
        self.scalar = int.from_bytes(h[:32], "little") & (1 << 254) - 8 | 1 << 254
        self.prefix = h[32:]
        self.public = times(self.scalar)

    @classmethod
    def load(cls, path):
        data = base64.b64decode(pathlib.Path(path).read_text())
        assert data[:4] == b"\x08\x01\x12\x40", "libp2p PrivateKey of Ed25519"
        return cls(data[4:36])

    def sign(self, *parts):
        text = "|".join(parts).encode()
        r = number(self.prefix, text) % L
        point = times(r)
        s = (r + number(point, self.public, text) * self.scalar) % L
        return base64.b64encode(point + s.to_bytes(32, "little")).decode()


class Admin:
    """An admin's key and proof, as `init` or `admin new` left them in a directory."""

    def __init__(self, directory):
        self.key = Key.load(pathlib.Path(directory) / "admin.key")
        self.proof = json.loads((pathlib.Path(directory) / "admin.proof").read_text())
        self.peer_id = self.proof["peer_id"]
        self.directory = pathlib.Path(directory)

    def prove(self, valid_from, valid_to, role="admin", cluster_id="demo"):
        """A proof of another period or role, by the system key beside the admin's."""
        system = Key.load(self.directory / "system.key")
        parts = (cluster_id, self.peer_id, role, valid_from, valid_to)
        return {"cluster_id": cluster_id, "peer_id": self.peer_id, "role": role, "valid_from": valid_from,
                "valid_to": valid_to, "sig": system.sign(*parts)}

    def snapshot(self, members, issued_at, cluster_id="demo"):
        listed = ",".join(sorted({m.strip() for m in members} - {""}, key=str.encode))
        return {"cluster_id": cluster_id, "issued_at": issued_at, "issuer_peer_id": self.peer_id,
                "members": members, "admin_proof": self.proof,
                "sig": self.key.sign(cluster_id, issued_at, self.peer_id, listed)}


def hash_of(snapshot):
    """SHA-256 of the signed text: of two snapshots of one instant the lower one wins."""
    listed = ",".join(sorted(set(snapshot["members"]), key=str.encode))
    text = "|".join((snapshot["cluster_id"], snapshot["issued_at"], snapshot["issuer_peer_id"], listed))
    return hashlib.sha256(text.encode()).hexdigest()
