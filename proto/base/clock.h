/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h: two kinds of time that cannot be mixed.
 *
 * `mono_t` counts from an unknown start, never jumps and drives every timer. `wall_t` is UTC as
 * people and signatures know it, may jump, and is used for validity windows and display only
 * (reliability.md R-12). They are different structs, so mixing them does not compile. The pure
 * code reads no clock: both come in as arguments. All arithmetic saturates. */
#ifndef P2POS_BASE_CLOCK_H
#define P2POS_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_MS  INT64_C(1000000)
#define NS_PER_SEC INT64_C(1000000000)

typedef struct {
	int64_t ns;
} mono_t;

typedef struct {
	int64_t sec;  /* since 1970-01-01T00:00:00Z; within the years 0001 to 9999 */
	int32_t nsec; /* 0 .. 999,999,999 */
} wall_t;

#define MONO_NEVER ((mono_t){INT64_MAX}) /* a deadline that does not come */
#define MONO_ZERO  ((mono_t){0})

/* 0001-01-01T00:00:00Z, which the original writes for "never seen" (features.md P-093). */
#define WALL_ZERO ((wall_t){-INT64_C(62135596800), 0})

static inline bool mono_is_never(mono_t t)
{
	return t.ns == INT64_MAX;
}

static inline int mono_cmp(mono_t a, mono_t b)
{
	return (a.ns > b.ns) - (a.ns < b.ns);
}

static inline bool mono_before(mono_t a, mono_t b)
{
	return a.ns < b.ns;
}

/* True when the deadline has come. */
static inline bool mono_reached(mono_t deadline, mono_t now)
{
	return deadline.ns <= now.ns;
}

static inline mono_t mono_min(mono_t a, mono_t b)
{
	return a.ns < b.ns ? a : b;
}

static inline mono_t mono_max(mono_t a, mono_t b)
{
	return a.ns > b.ns ? a : b;
}

/* Saturates, upwards at MONO_NEVER; NEVER plus anything stays NEVER. */
static inline mono_t mono_add_ns(mono_t t, int64_t ns)
{
	int64_t sum;

	if (mono_is_never(t))
		return MONO_NEVER;
	if (__builtin_add_overflow(t.ns, ns, &sum))
		return ns < 0 ? (mono_t){INT64_MIN} : MONO_NEVER;
	return (mono_t){sum};
}

static inline mono_t mono_add_ms(mono_t t, int64_t ms)
{
	int64_t ns;

	if (__builtin_mul_overflow(ms, NS_PER_MS, &ns))
		ns = ms < 0 ? INT64_MIN : INT64_MAX;
	return mono_add_ns(t, ns);
}

/* later - earlier in nanoseconds; 0 when `later` is not later. */
static inline int64_t mono_since_ns(mono_t later, mono_t earlier)
{
	int64_t d;

	if (later.ns <= earlier.ns)
		return 0;
	return __builtin_sub_overflow(later.ns, earlier.ns, &d) ? INT64_MAX : d;
}

static inline int64_t mono_since_ms(mono_t later, mono_t earlier)
{
	return mono_since_ns(later, earlier) / NS_PER_MS;
}

static inline int wall_cmp(wall_t a, wall_t b)
{
	if (a.sec != b.sec)
		return a.sec < b.sec ? -1 : 1;
	return (a.nsec > b.nsec) - (a.nsec < b.nsec);
}

static inline bool wall_is_zero(wall_t t)
{
	return wall_cmp(t, WALL_ZERO) == 0;
}

/* Moves by whole seconds (either way). Years stay far from int64's ends. */
static inline wall_t wall_add_sec(wall_t t, int64_t sec)
{
	int64_t s;

	if (__builtin_add_overflow(t.sec, sec, &s))
		s = sec < 0 ? INT64_MIN : INT64_MAX;
	return (wall_t){s, t.nsec};
}

static inline wall_t wall_add_ns(wall_t t, int64_t ns)
{
	int64_t nsec = t.nsec + ns % NS_PER_SEC;

	t = wall_add_sec(t, ns / NS_PER_SEC);
	if (nsec < 0) {
		nsec += NS_PER_SEC;
		t = wall_add_sec(t, -1);
	} else if (nsec >= NS_PER_SEC) {
		nsec -= NS_PER_SEC;
		t = wall_add_sec(t, 1);
	}
	t.nsec = (int32_t)nsec;
	return t;
}

/* a - b in whole milliseconds, rounded towards zero, saturated; negative when a is earlier. */
static inline int64_t wall_diff_ms(wall_t a, wall_t b)
{
	int64_t ds, ms, nsec = (int64_t)a.nsec - b.nsec;

	if (__builtin_sub_overflow(a.sec, b.sec, &ds))
		return a.sec < b.sec ? INT64_MIN : INT64_MAX;
	/* Both parts get one sign, so that cutting the second one rounds the sum. */
	if (ds > 0 && nsec < 0) {
		ds--;
		nsec += NS_PER_SEC;
	} else if (ds < 0 && nsec > 0) {
		ds++;
		nsec -= NS_PER_SEC;
	}
	if (__builtin_mul_overflow(ds, INT64_C(1000), &ms) ||
		__builtin_add_overflow(ms, nsec / NS_PER_MS, &ms))
		return ds < 0 ? INT64_MIN : INT64_MAX;
	return ms;
}

#endif
