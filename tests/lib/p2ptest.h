/* SPDX-License-Identifier: Apache-2.0 */
/* p2ptest.h: cmocka and the few checks that every test wants.
 *
 * Include this instead of cmocka.h: cmocka needs four standard headers before it. */
#ifndef P2POS_TESTS_LIB_P2PTEST_H
#define P2POS_TESTS_LIB_P2PTEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/base/bytes.h"
#include "proto/base/clock.h"
#include "proto/base/err.h"

/* The start of every test's own time: not zero, so that a forgotten `now` shows. */
static const mono_t t0 __attribute__((unused)) = {NS_PER_SEC};

/* The call succeeded. */
#define assert_ok(call) p2ptest_result((call), 0, #call, __FILE__, __LINE__)

/* The call failed with exactly this code of err.h. */
#define assert_err(call, code) p2ptest_result((call), (code), #call, __FILE__, __LINE__)

/* Two views hold the same bytes; prints where they differ. */
#define assert_bytes(a, b) p2ptest_bytes((a), (b), #a, __FILE__, __LINE__)

/* A condition inside a loop: on failure says which round (`what` is any text). */
#define assert_that(cond, what) p2ptest_claim((cond), #cond, (what), __FILE__, __LINE__)

void p2ptest_result(int got, int want, const char *call, const char *file, int line);
void p2ptest_bytes(struct bytes a, struct bytes b, const char *what, const char *file, int line);
void p2ptest_claim(bool holds, const char *claim, const char *what, const char *file, int line);

#endif
