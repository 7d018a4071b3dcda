/* SPDX-License-Identifier: Apache-2.0 */
/* list.h: a doubly linked list whose nodes live inside the structs they link.
 *
 * Linking and unlinking allocate nothing. A head is a node that belongs to no struct; a node
 * that is zero or unlinked is in no list, and list_remove() on it does nothing. */
#ifndef P2POS_BASE_LIST_H
#define P2POS_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev, *next;
};

#define LIST_HEAD(name) struct list name = {&(name), &(name)}

/* The struct of `type` whose field `field` is the node `node`. */
#define list_entry(node, type, field) ((type *)((char *)(node) - offsetof(type, field)))

/* Walks all nodes; the current one may be removed and freed in the body. */
#define list_each(node, head)                                                                      \
	for (struct list *node = (head)->next, *node##_next = node->next; node != (head);          \
		node = node##_next, node##_next = node->next)

static inline void list_init(struct list *head)
{
	head->prev = head;
	head->next = head;
}

static inline bool list_is_empty(const struct list *head)
{
	return head->next == head;
}

static inline bool list_is_linked(const struct list *node)
{
	return node->next != NULL && node->next != node;
}

static inline void list_append(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void list_prepend(struct list *head, struct list *node)
{
	list_append(head->next, node);
}

static inline void list_remove(struct list *node)
{
	if (!node->next)
		return;
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->prev = NULL;
	node->next = NULL;
}

/* The first node, or NULL. */
static inline struct list *list_first(const struct list *head)
{
	return list_is_empty(head) ? NULL : head->next;
}

#endif
