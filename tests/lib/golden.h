/* SPDX-License-Identifier: Apache-2.0 */
/* golden.h: keys, messages and tokens of one small cluster, computed independently of our code
 * (Python: `cryptography` for Ed25519, base58 and base36 by hand).
 *
 * Key pairs come from seeds of 32 equal bytes: system 01, admin 02, nodes 11, 12, 13 (hex).
 * The cluster is "prod"; the proof is valid throughout 2026. */
#ifndef P2POS_TESTS_LIB_GOLDEN_H
#define P2POS_TESTS_LIB_GOLDEN_H

#define GOLDEN_SYSTEM_SEED 0x01
#define GOLDEN_SYSTEM "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"
#define GOLDEN_SYSTEM_PUB "CAESIIqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
#define GOLDEN_ADMIN_SEED 0x02
#define GOLDEN_ADMIN "12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq"
#define GOLDEN_ADMIN_PRIV \
	"CAESQAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICgTl3Dqh9F19Wo1Rmw0x+zMuNipG07j" \
	"eiXfYPW4/Js5Q="
#define GOLDEN_N1_SEED 0x11
#define GOLDEN_N1 "12D3KooWPqT2nMDSiXUSx5D7fasaxhxKigVhcqfkKqrLghCq9jxz"
#define GOLDEN_N1_CID \
	"k51qzi5uqu5dldhbzu8n103rk9vogs98jlyiek9ab95nby355ejzh0marmmurb"
#define GOLDEN_N2_SEED 0x12
#define GOLDEN_N2 "12D3KooWBzG3Lxj5G8qh233wQRxNdGaV7r7Truibfa77gS8QKQaC"
#define GOLDEN_N3_SEED 0x13
#define GOLDEN_N3 "12D3KooWGjfPc5wmHm33wCgL8afNLDHCuh24ojhW2mSQQou9Wsai"

/* A proof by the system key for the admin. */
#define GOLDEN_PROOF \
	"{\"cluster_id\":\"prod\",\"peer_id\":\"12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzc" \
	"W6d69Lr2NASuq\",\"role\":\"admin\",\"valid_from\":\"2026-01-01T00:00:00Z\",\"v" \
	"alid_to\":\"2027-01-01T00:00:00Z\",\"sig\":\"DSEqr6LZfqSdayCh2o4L4hh/Z/ivKmFfv" \
	"N7ukcvqmszfD6UXTvH9G+AIYVKUgKBtk6oRrdGIDHsuziJITb6QDA==\"}"

/* Three members, in order. */
#define GOLDEN_SNAPSHOT \
	"{\"cluster_id\":\"prod\",\"issued_at\":\"2026-02-21T11:11:01.508Z\",\"issuer_p" \
	"eer_id\":\"12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq\",\"members\":" \
	"[\"12D3KooWBzG3Lxj5G8qh233wQRxNdGaV7r7Truibfa77gS8QKQaC\",\"12D3KooWGjfPc5wmHm" \
	"33wCgL8afNLDHCuh24ojhW2mSQQou9Wsai\",\"12D3KooWPqT2nMDSiXUSx5D7fasaxhxKigVhcqf" \
	"kKqrLghCq9jxz\"],\"admin_proof\":{\"cluster_id\":\"prod\",\"peer_id\":\"12D3Ko" \
	"oWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq\",\"role\":\"admin\",\"valid_fr" \
	"om\":\"2026-01-01T00:00:00Z\",\"valid_to\":\"2027-01-01T00:00:00Z\",\"sig\":\"" \
	"DSEqr6LZfqSdayCh2o4L4hh/Z/ivKmFfvN7ukcvqmszfD6UXTvH9G+AIYVKUgKBtk6oRrdGIDHsuzi" \
	"JITb6QDA==\"},\"sig\":\"ndmuNIRhapEIeT/aGLMetplJ2z2A2G36gw5sk7iI1vPU9NEe2DzDz6" \
	"ycQ5z1YJhwqFwBgsQ/TEh/BpK2SzutDw==\"}"

/* Its signed text, and the SHA-256 of that. */
#define GOLDEN_SIGNED_TEXT \
	"prod|2026-02-21T11:11:01.508Z|12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2N" \
	"ASuq|12D3KooWBzG3Lxj5G8qh233wQRxNdGaV7r7Truibfa77gS8QKQaC,12D3KooWGjfPc5wmHm33" \
	"wCgL8afNLDHCuh24ojhW2mSQQou9Wsai,12D3KooWPqT2nMDSiXUSx5D7fasaxhxKigVhcqfkKqrLg" \
	"hCq9jxz"

#define GOLDEN_HASH \
	"b42059514754c64a8437f3977f0e48e6d1199b91d15b6414ed3674ee542726f9"

/* Issued at 2026-02-21T11:11:01.5Z as another offset writes it; members untrimmed, one empty, one
 * twice: two remain. */
#define GOLDEN_SNAPSHOT_LOOSE \
	"{\"cluster_id\":\"prod\",\"issued_at\":\"2026-02-21T19:11:01.500+08:00\",\"iss" \
	"uer_peer_id\":\"12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq\",\"membe" \
	"rs\":[\" 12D3KooWBzG3Lxj5G8qh233wQRxNdGaV7r7Truibfa77gS8QKQaC \",\"\",\"12D3Ko" \
	"oWPqT2nMDSiXUSx5D7fasaxhxKigVhcqfkKqrLghCq9jxz\",\"12D3KooWBzG3Lxj5G8qh233wQRx" \
	"NdGaV7r7Truibfa77gS8QKQaC\"],\"admin_proof\":{\"cluster_id\":\"prod\",\"peer_i" \
	"d\":\"12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq\",\"role\":\"admin" \
	"\",\"valid_from\":\"2026-01-01T00:00:00Z\",\"valid_to\":\"2027-01-01T00:00:00Z" \
	"\",\"sig\":\"DSEqr6LZfqSdayCh2o4L4hh/Z/ivKmFfvN7ukcvqmszfD6UXTvH9G+AIYVKUgKBtk" \
	"6oRrdGIDHsuziJITb6QDA==\"},\"sig\":\"lnCIbtl8hrIzzHXUxzpmu9AHWT7RtpUL/DMRPFZvF" \
	"fD5LVkESpAmPn3mmUf8bFySgrbmrK7sqFcR8J6ghB+gBQ==\"}"

#define GOLDEN_HASH_LOOSE \
	"4029b2ec5592035b2edc68af3a4409f01c6043840601649da6ea96413216e52c"

/* Three entries: a member, its CIDv1 spelling, and what is no peer at all. */
#define GOLDEN_SNAPSHOT_ODD \
	"{\"cluster_id\":\"prod\",\"issued_at\":\"2026-02-21T11:11:01.508Z\",\"issuer_p" \
	"eer_id\":\"12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq\",\"members\":" \
	"[\"12D3KooWPqT2nMDSiXUSx5D7fasaxhxKigVhcqfkKqrLghCq9jxz\",\"not a peer\",\"k51" \
	"qzi5uqu5dldhbzu8n103rk9vogs98jlyiek9ab95nby355ejzh0marmmurb\"],\"admin_proof\"" \
	":{\"cluster_id\":\"prod\",\"peer_id\":\"12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhz" \
	"cW6d69Lr2NASuq\",\"role\":\"admin\",\"valid_from\":\"2026-01-01T00:00:00Z\",\"" \
	"valid_to\":\"2027-01-01T00:00:00Z\",\"sig\":\"DSEqr6LZfqSdayCh2o4L4hh/Z/ivKmFf" \
	"vN7ukcvqmszfD6UXTvH9G+AIYVKUgKBtk6oRrdGIDHsuziJITb6QDA==\"},\"sig\":\"L2joe4zS" \
	"TD9Uru8zlRa8Jneuhca3yVHHLToTBvMMr6Yvq3D8yFMLw1/m44spRSa3R4sEN5zyvnGADprTJSzCDg" \
	"==\"}"

#define GOLDEN_HASH_ODD \
	"708a6f2d1e66d9e9096061a9a12dbc81d66be9ab7d81ca000633121a8d65d002"

/* By node 1. */
#define GOLDEN_HEARTBEAT \
	"{\"cluster_id\":\"prod\",\"peer_id\":\"12D3KooWPqT2nMDSiXUSx5D7fasaxhxKigVhcqf" \
	"kKqrLghCq9jxz\",\"ts\":\"2026-02-21T11:11:01.25Z\",\"sig\":\"rUGkv7kisPkzbHXgT" \
	"Y3V4SZBhtmgEOoVWT7d8aZhXQmoNza5pI2YIPuhBpkwu8kU098reRT0/EVmcc949+eNAA==\"}"

/* With a name and a multiaddr. */
#define GOLDEN_JOIN \
	"p2pos-join://eyJ2IjoxLCJjbHVzdGVyX2lkIjoicHJvZCIsInN5c3RlbV9wdWJrZXkiOiJDQUVTS" \
	"UlxSTQ5MTBDZkdWL1ZMYkxUeTZYWExLWndtL0haUVNHL04waUFHMEQyOWMiLCJib290c3RyYXAiOls" \
	"iaW5pdC5leGFtcGxlLm9yZyIsIi9pcDQvMjAzLjAuMTEzLjEwL3RjcC80MTAwL3AycC8xMkQzS29vV" \
	"1BxVDJuTURTaVhVU3g1RDdmYXNheGh4S2lnVmhjcWZrS3FyTGdoQ3E5anh6Il19"

/* With and without the system key, and as if of version 2. */
#define GOLDEN_BUNDLE \
	"p2pos-admin://eyJ2IjoxLCJjbHVzdGVyX2lkIjoicHJvZCIsImJvb3RzdHJhcCI6ImluaXQuZXhh" \
	"bXBsZS5vcmciLCJhZG1pbl9wcml2IjoiQ0FFU1FBSUNBZ0lDQWdJQ0FnSUNBZ0lDQWdJQ0FnSUNBZ0" \
	"lDQWdJQ0FnSUNBZ0lDZ1RsM0RxaDlGMTlXbzFSbXcweCt6TXVOaXBHMDdqZWlYZllQVzQvSnM1UT0i" \
	"LCJhZG1pbl9wcm9vZiI6eyJjbHVzdGVyX2lkIjoicHJvZCIsInBlZXJfaWQiOiIxMkQzS29vV0pXb2" \
	"FxWmhEYW9FRnNoRjdSaDFicFk5b2hpaEZoemNXNmQ2OUxyMk5BU3VxIiwicm9sZSI6ImFkbWluIiwi" \
	"dmFsaWRfZnJvbSI6IjIwMjYtMDEtMDFUMDA6MDA6MDBaIiwidmFsaWRfdG8iOiIyMDI3LTAxLTAxVD" \
	"AwOjAwOjAwWiIsInNpZyI6IkRTRXFyNkxaZnFTZGF5Q2gybzRMNGhoL1ovaXZLbUZmdk43dWtjdnFt" \
	"c3pmRDZVWFR2SDlHK0FJWVZLVWdLQnRrNm9ScmRHSURIc3V6aUpJVGI2UURBPT0ifSwic3lzdGVtX3" \
	"B1YmtleSI6IkNBRVNJSXFJNDkxMENmR1YvVkxiTFR5NlhYTEtad20vSFpRU0cvTjBpQUcwRDI5YyJ9"

#define GOLDEN_BUNDLE_OLD \
	"p2pos-admin://eyJ2IjoxLCJjbHVzdGVyX2lkIjoicHJvZCIsImJvb3RzdHJhcCI6ImluaXQuZXhh" \
	"bXBsZS5vcmciLCJhZG1pbl9wcml2IjoiQ0FFU1FBSUNBZ0lDQWdJQ0FnSUNBZ0lDQWdJQ0FnSUNBZ0" \
	"lDQWdJQ0FnSUNBZ0lDZ1RsM0RxaDlGMTlXbzFSbXcweCt6TXVOaXBHMDdqZWlYZllQVzQvSnM1UT0i" \
	"LCJhZG1pbl9wcm9vZiI6eyJjbHVzdGVyX2lkIjoicHJvZCIsInBlZXJfaWQiOiIxMkQzS29vV0pXb2" \
	"FxWmhEYW9FRnNoRjdSaDFicFk5b2hpaEZoemNXNmQ2OUxyMk5BU3VxIiwicm9sZSI6ImFkbWluIiwi" \
	"dmFsaWRfZnJvbSI6IjIwMjYtMDEtMDFUMDA6MDA6MDBaIiwidmFsaWRfdG8iOiIyMDI3LTAxLTAxVD" \
	"AwOjAwOjAwWiIsInNpZyI6IkRTRXFyNkxaZnFTZGF5Q2gybzRMNGhoL1ovaXZLbUZmdk43dWtjdnFt" \
	"c3pmRDZVWFR2SDlHK0FJWVZLVWdLQnRrNm9ScmRHSURIc3V6aUpJVGI2UURBPT0ifX0="

#define GOLDEN_BUNDLE_V2 \
	"p2pos-admin://eyJ2IjoyLCJjbHVzdGVyX2lkIjoicHJvZCIsImJvb3RzdHJhcCI6ImluaXQuZXhh" \
	"bXBsZS5vcmciLCJhZG1pbl9wcml2IjoiQ0FFU1FBSUNBZ0lDQWdJQ0FnSUNBZ0lDQWdJQ0FnSUNBZ0" \
	"lDQWdJQ0FnSUNBZ0lDZ1RsM0RxaDlGMTlXbzFSbXcweCt6TXVOaXBHMDdqZWlYZllQVzQvSnM1UT0i" \
	"LCJhZG1pbl9wcm9vZiI6eyJjbHVzdGVyX2lkIjoicHJvZCIsInBlZXJfaWQiOiIxMkQzS29vV0pXb2" \
	"FxWmhEYW9FRnNoRjdSaDFicFk5b2hpaEZoemNXNmQ2OUxyMk5BU3VxIiwicm9sZSI6ImFkbWluIiwi" \
	"dmFsaWRfZnJvbSI6IjIwMjYtMDEtMDFUMDA6MDA6MDBaIiwidmFsaWRfdG8iOiIyMDI3LTAxLTAxVD" \
	"AwOjAwOjAwWiIsInNpZyI6IkRTRXFyNkxaZnFTZGF5Q2gybzRMNGhoL1ovaXZLbUZmdk43dWtjdnFt" \
	"c3pmRDZVWFR2SDlHK0FJWVZLVWdLQnRrNm9ScmRHSURIc3V6aUpJVGI2UURBPT0ifX0="

#endif
