/* SPDX-License-Identifier: Apache-2.0 */
/* err.h: every result code of the project, its name and its sentence, in one list.
 *
 * A function that can fail returns 0 or one of these (all negative). A code says what kind of
 * thing went wrong; where an operator needs more (which field, which rule) the function hands
 * out a fixed reason word beside it. */
#ifndef P2POS_BASE_ERR_H
#define P2POS_BASE_ERR_H

#define P2P_ERR_LIST(X)                                                                            \
	X(INVALID, "invalid", "malformed value")                                                   \
	X(TRUNCATED, "truncated", "ends too early")                                                \
	X(TOO_LARGE, "too_large", "over its limit")                                                \
	X(PROTOCOL, "protocol", "the peer broke the protocol")                                     \
	X(UNSUPPORTED, "unsupported", "not supported")                                             \
	X(SIGNATURE, "signature", "the signature does not verify")                                 \
	X(MISMATCH, "mismatch", "not the one that was expected")                                   \
	X(NOT_FOUND, "not_found", "not found")                                                     \
	X(EXISTS, "exists", "exists already")                                                      \
	X(FULL, "full", "no room left")                                                            \
	X(CLOSED, "closed", "closed")                                                              \
	X(RESET, "reset", "reset by the peer")                                                     \
	X(TIMEOUT, "timeout", "no answer in time")                                                 \
	X(AGAIN, "again", "not now, try again")                                                    \
	X(CRYPTO, "crypto", "a cryptographic check failed")                                        \
	X(JSON, "json", "not the JSON that is allowed here")                                       \
	X(STALE, "stale", "older than what is held")                                               \
	X(FUTURE, "future", "too far in the future")                                               \
	X(REFUSED, "refused", "refused")                                                           \
	X(UNREACHABLE, "unreachable", "not reachable")                                             \
	X(DENIED, "denied", "permission denied")                                                   \
	X(BUSY, "busy", "in use")                                                                  \
	X(CONFIG, "config", "the configuration is invalid")                                        \
	X(STORAGE, "storage", "the database failed")                                               \
	X(IO, "io", "input or output failed")

enum p2p_err_index {
#define X(id, name, text) P2P_ERR_INDEX_##id,
	P2P_ERR_LIST(X)
#undef X
	P2P_ERR_COUNT
};

enum p2p_err {
#define X(id, name, text) P2P_ERR_##id = -1 - P2P_ERR_INDEX_##id,
	P2P_ERR_LIST(X)
#undef X
};

/* The name of a code in lower case ("signature"), "ok" for 0, "unknown" for any other number. */
const char *err_name(int err);

/* Its sentence ("the signature does not verify"). Never NULL. */
const char *err_text(int err);

#endif
