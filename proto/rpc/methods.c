/* SPDX-License-Identifier: Apache-2.0 */
/* The list of methods.h as tables. */
#include "proto/rpc/methods.h"

#include <string.h>

#include "proto/base/text.h"

/* A typing slip of more edits than this is no longer recognised. */
#define NAME_SLIP_MAX 4

#define MUST true
#define MAY  false
#define OPEN(...) __VA_ARGS__

/* One array of parameters and one of errors for each method. */
#define P(name_, type_, need_, about_) {#name_, RPC_TYPE_##type_, need_, about_},
#define E(id_)
#define X(id, name, role, about, params, result, errors)                                           \
	static const struct rpc_param params_of_##id[] = {OPEN params {NULL, RPC_TYPE_TEXT, MAY, NULL}};
RPC_METHOD_LIST(X)
#undef X
#undef P
#undef E

#define P(name_, type_, need_, about_)
#define E(id_) RPC_ERR_##id_,
#define X(id, name, role, about, params, result, errors)                                           \
	static const int errors_of_##id[] = {OPEN errors 0};
RPC_METHOD_LIST(X)
#undef X
#undef P
#undef E

static const struct rpc_method methods[] = {
#define X(id, name_, role_, about_, params_, result_, errors_)                                     \
	{METHOD_##id, name_, RPC_ROLE_##role_, about_, params_of_##id, result_, errors_of_##id},
	RPC_METHOD_LIST(X)
#undef X
};

_Static_assert(sizeof(methods) / sizeof(methods[0]) == METHOD_COUNT, "one row for each method");

const struct rpc_method *rpc_method_find(const char *name)
{
	for (size_t i = 0; i < METHOD_COUNT; i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}

const struct rpc_method *rpc_method_at(unsigned index)
{
	return index < METHOD_COUNT ? &methods[index] : NULL;
}

const char *rpc_method_nearest(const char *name)
{
	const char *nearest = NULL;
	unsigned best = NAME_SLIP_MAX;

	for (size_t i = 0; i < METHOD_COUNT; i++) {
		unsigned d = text_distance(name, methods[i].name, NAME_SLIP_MAX);

		if (d < best) {
			best = d;
			nearest = methods[i].name;
		}
	}
	return nearest;
}

const char *rpc_role_name(enum rpc_role role)
{
	switch (role) {
	case RPC_ROLE_NONE:
		return "none";
	case RPC_ROLE_READER:
		return "reader";
	case RPC_ROLE_ADMIN:
		return "admin";
	}
	return "none";
}

static const struct {
	const char *name, *about;
} types[] = {
#define X(id, name, about) {name, about},
	RPC_TYPE_LIST(X)
#undef X
};

const char *rpc_type_name(enum rpc_type type)
{
	return types[type].name;
}

const char *rpc_type_about(enum rpc_type type)
{
	return types[type].about;
}
