/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters and results against the list of methods.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/err.h"
#include "proto/base/text.h"
#include "proto/rpc/methods.h"

__attribute__((format(printf, 3, 4))) static int fault(struct rpc_params_fault *ret,
						       const char *param, const char *fmt, ...)
{
	va_list ap;

	(void)text_copy(ret->param, sizeof(ret->param), bytes_str(param));
	va_start(ap, fmt);
	/* A sentence that does not fit is cut; the caller still gets the name. */
	(void)vsnprintf(ret->message, sizeof(ret->message), fmt, ap);
	va_end(ap);
	return P2P_ERR_INVALID;
}

/* "method takes a, b, c" for whoever guessed wrong. */
static void names_of(const struct rpc_method *m, char *to, size_t size)
{
	size_t used = 0;

	if (!m->params[0].name) {
		(void)text_copy(to, size, BYTES_LIT("no parameters"));
		return;
	}
	to[0] = '\0';
	for (const struct rpc_param *p = m->params; p->name && used < size; p++) {
		int n = snprintf(to + used, size - used, "%s%s", used ? ", " : "", p->name);

		used += n > 0 ? (size_t)n : 0;
	}
}

static bool is_texts(const json_t *v)
{
	size_t n = json_is_array(v) ? json_array_size(v) : 0;

	for (size_t i = 0; i < n; i++)
		if (!json_is_string(json_array_get(v, i)))
			return false;
	return json_is_array(v);
}

static bool has_type(const json_t *v, enum rpc_type type)
{
	switch (type) {
	case RPC_TYPE_TEXT:
	case RPC_TYPE_PEER:
	case RPC_TYPE_ADDR:
	case RPC_TYPE_TIME:
		return json_is_string(v);
	case RPC_TYPE_UINT:
		return json_is_integer(v) && json_integer_value(v) >= 0;
	case RPC_TYPE_BOOL:
		return json_is_boolean(v);
	case RPC_TYPE_TEXTS:
		return is_texts(v);
	case RPC_TYPE_OBJECT:
		return json_is_object(v);
	}
	return false;
}

static const struct rpc_param *param_find(const struct rpc_method *m, const char *name)
{
	for (const struct rpc_param *p = m->params; p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

int rpc_params_check(const struct rpc_method *m, const json_t *params,
		     struct rpc_params_fault *ret_fault)
{
	/* jansson's iterators want a mutable object though they do not change it. */
	json_t *object = (json_t *)params;
	char names[128];
	const char *key;
	json_t *value;

	names_of(m, names, sizeof(names));
	if (params && !json_is_object(params) && !json_is_null(params))
		return fault(ret_fault, "", "parameters go by name: %s takes %s", m->name, names);
	json_object_foreach(object, key, value) {
		const struct rpc_param *p = param_find(m, key);

		if (!p)
			return fault(ret_fault, key, "unknown parameter; %s takes %s", m->name, names);
		if (!json_is_null(value) && !has_type(value, p->type))
			return fault(ret_fault, key, "must be %s", rpc_type_about(p->type));
	}
	for (const struct rpc_param *p = m->params; p->name; p++) {
		value = json_object_get(params, p->name);
		if (p->must && (!value || json_is_null(value)))
			return fault(ret_fault, p->name, "is missing: %s", p->about);
	}
	return 0;
}

/* One word of the field list. */
struct field {
	char name[48];
	char kind; /* '[', '{' or ' ' */
	bool may;
};

static bool field_next(const char **at, struct field *ret)
{
	size_t n;

	*at += strspn(*at, " ");
	n = strcspn(*at, " ");
	if (n == 0)
		return false;
	(void)text_copy(ret->name, sizeof(ret->name), bytes_of(*at, n));
	*at += n;
	n = strlen(ret->name);
	ret->may = ret->name[n - 1] == '?';
	if (ret->may)
		ret->name[--n] = '\0';
	ret->kind = ' ';
	if (n > 2 && (ret->name[n - 1] == ']' || ret->name[n - 1] == '}')) {
		ret->kind = ret->name[n - 2];
		ret->name[n - 2] = '\0';
	}
	return true;
}

static bool field_fits(const struct field *f, const json_t *value)
{
	if (!value)
		return f->may;
	if (f->kind == '[')
		return json_is_array(value);
	if (f->kind == '{')
		return json_is_object(value) || json_is_null(value);
	return true;
}

bool rpc_result_check(const struct rpc_method *m, json_t *result, struct rpc_params_fault *ret_fault)
{
	const char *at = m->result;
	size_t found = 0;
	struct field f;

	if (!json_is_object(result)) {
		(void)fault(ret_fault, "", "the result is no object");
		return false;
	}
	while (field_next(&at, &f)) {
		const json_t *value = json_object_get(result, f.name);

		if (!field_fits(&f, value)) {
			(void)fault(ret_fault, f.name, "missing or of another kind");
			return false;
		}
		found += value != NULL;
	}
	if (found != json_object_size(result)) {
		(void)fault(ret_fault, "", "fields that the list does not name");
		return false;
	}
	return true;
}
