/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/rfc3339.h"

#include <stdio.h>

#include "proto/base/err.h"

#define SEC_PER_DAY    86400
#define LAST_SEC       INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define FRACTION_KEPT  9

/* Days from 1970-01-01 to a date of the Gregorian calendar. The year is counted from March, so
 * that the leap day is its last day, and in whole 400-year cycles of 146,097 days. */
static int64_t days_of_date(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t cycle = (y >= 0 ? y : y - 399) / 400;
	int64_t in_cycle = y - cycle * 400;
	int64_t in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return cycle * 146097 + in_cycle * 365 + in_cycle / 4 - in_cycle / 100 + in_year - 719468;
}

struct date {
	int64_t year;
	unsigned month, day;
};

static struct date date_of_days(int64_t days)
{
	int64_t z = days + 719468;
	int64_t cycle = (z >= 0 ? z : z - 146096) / 146097;
	int64_t in_cycle = z - cycle * 146097;
	int64_t y = (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365;
	int64_t in_year = in_cycle - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * in_year + 2) / 153;
	struct date d = {
		.year = cycle * 400 + y + (m >= 10),
		.month = (unsigned)(m < 10 ? m + 3 : m - 9),
		.day = (unsigned)(in_year - (153 * m + 2) / 5 + 1),
	};

	return d;
}

static unsigned days_in_month(int64_t year, unsigned month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

/* What is left of the text, and whether all of it was as expected so far. */
struct reading {
	struct bytes rest;
	bool bad;
};

static uint8_t take(struct reading *r)
{
	uint8_t c;

	if (!r->rest.len) {
		r->bad = true;
		return 0;
	}
	c = r->rest.at[0];
	r->rest = bytes_from(r->rest, 1);
	return c;
}

static void expect(struct reading *r, char a, char b)
{
	uint8_t c = take(r);

	if (c != (uint8_t)a && c != (uint8_t)b)
		r->bad = true;
}

/* Exactly `digits` digits with a value of low .. high; `low` when it is not so. */
static unsigned number(struct reading *r, unsigned digits, unsigned low, unsigned high)
{
	unsigned v = 0;

	for (unsigned i = 0; i < digits; i++) {
		uint8_t c = take(r);

		if (c < '0' || c > '9')
			r->bad = true;
		else
			v = v * 10 + (c - '0');
	}
	if (v < low || v > high)
		r->bad = true;
	return r->bad ? low : v;
}

static bool at_digit(const struct reading *r)
{
	return r->rest.len && r->rest.at[0] >= '0' && r->rest.at[0] <= '9';
}

static int32_t fraction(struct reading *r)
{
	int32_t ns = 0;
	unsigned kept = 0;

	if (!r->rest.len || r->rest.at[0] != '.')
		return 0;
	(void)take(r);
	if (!at_digit(r))
		r->bad = true;
	while (at_digit(r)) {
		unsigned digit = (unsigned)take(r) - '0';

		if (kept < FRACTION_KEPT) {
			ns = ns * 10 + (int32_t)digit;
			kept++;
		}
	}
	for (; kept < FRACTION_KEPT; kept++)
		ns *= 10;
	return ns;
}

/* Seconds that local time is ahead of UTC. */
static int64_t offset(struct reading *r)
{
	uint8_t c = take(r);
	int64_t hours, minutes;

	if (c == 'Z' || c == 'z')
		return 0;
	if (c != '+' && c != '-')
		r->bad = true;
	hours = number(r, 2, 0, 23);
	expect(r, ':', ':');
	minutes = number(r, 2, 0, 59);
	return (c == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

int rfc3339_parse(struct bytes text, wall_t *ret)
{
	struct reading r = {text, false};
	unsigned year, month, day, hour, minute, second;
	wall_t t;

	if (text.len > RFC3339_TEXT_MAX)
		return P2P_ERR_INVALID;
	year = number(&r, 4, 1, 9999);
	expect(&r, '-', '-');
	month = number(&r, 2, 1, 12);
	expect(&r, '-', '-');
	day = number(&r, 2, 1, days_in_month(year, month));
	expect(&r, 'T', 't');
	hour = number(&r, 2, 0, 23);
	expect(&r, ':', ':');
	minute = number(&r, 2, 0, 59);
	expect(&r, ':', ':');
	second = number(&r, 2, 0, 59);
	t.nsec = fraction(&r);
	t.sec = days_of_date(year, month, day) * SEC_PER_DAY + hour * 3600 + minute * 60 + second;
	t.sec -= offset(&r);
	if (r.bad || r.rest.len)
		return P2P_ERR_INVALID;
	if ((t.sec < 0 || t.sec > LAST_SEC) && !wall_is_zero(t))
		return P2P_ERR_INVALID;
	*ret = t;
	return 0;
}

char *rfc3339_text(wall_t t, char *to)
{
	struct date d;
	int64_t days, in_day;
	int n;

	if (wall_cmp(t, WALL_ZERO) < 0)
		t = WALL_ZERO;
	if (t.sec > LAST_SEC)
		t = (wall_t){LAST_SEC, 999999999};
	days = t.sec / SEC_PER_DAY;
	in_day = t.sec % SEC_PER_DAY;
	if (in_day < 0) {
		in_day += SEC_PER_DAY;
		days--;
	}
	d = date_of_days(days);
	n = snprintf(to, RFC3339_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%09u",
		(unsigned)d.year % 10000, d.month % 100, d.day % 100, (unsigned)(in_day / 3600),
		(unsigned)(in_day / 60 % 60), (unsigned)(in_day % 60),
		(unsigned)t.nsec % 1000000000);
	while (to[n - 1] == '0')
		n--;
	if (to[n - 1] == '.')
		n--;
	to[n] = 'Z';
	to[n + 1] = '\0';
	return to;
}
