/* SPDX-License-Identifier: Apache-2.0 */
/* report.c: collects faults. */
#include "config/report.h"

#include "proto/base/text.h"

#include <stdarg.h>
#include <stdio.h>

static void note(struct config_report *r, bool is_error, const char *pointer, const char *fmt,
	va_list args)
{
	struct buf safe = BUF_INIT;
	char raw[CONFIG_MESSAGE_SIZE];
	struct config_fault *f;

	*(is_error ? &r->errors : &r->warnings) += 1;
	if (r->count == CONFIG_FAULTS_MAX)
		return;
	f = &r->faults[r->count++];
	*f = (struct config_fault){.is_error = is_error};
	(void)text_copy(f->pointer, sizeof(f->pointer), bytes_str(pointer)); /* cut if need be */
	vsnprintf(raw, sizeof(raw), fmt, args);
	(void)text_escape(&safe, bytes_str(raw), sizeof(raw)); /* the buffer has no maximum */
	(void)text_copy(f->message, sizeof(f->message), buf_bytes(&safe)); /* cut if need be */
	buf_deinit(&safe);
}

void config_error(struct config_report *r, const char *pointer, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	note(r, true, pointer, fmt, args);
	va_end(args);
}

void config_warning(struct config_report *r, const char *pointer, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	note(r, false, pointer, fmt, args);
	va_end(args);
}

int config_fault_text(const struct config_fault *f, struct buf *out)
{
	if (f->line)
		return buf_printf(out, "line %d, column %d: %s", f->line, f->column, f->message);
	if (*f->pointer)
		return buf_printf(out, "%s: %s", f->pointer, f->message);
	return buf_put_str(out, f->message);
}
