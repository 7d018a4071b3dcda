/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/list.h"

#include "tests/lib/p2ptest.h"

struct item {
	int value;
	struct list link;
};

static int sum_in_order(struct list *head)
{
	int digits = 0;

	list_each (node, head)
		digits = digits * 10 + list_entry(node, struct item, link)->value;
	return digits;
}

static void items_keep_their_order(void **state)
{
	struct item a = {.value = 1}, b = {.value = 2}, c = {.value = 3};
	LIST_HEAD(head);

	(void)state;
	assert_true(list_is_empty(&head));
	assert_null(list_first(&head));
	list_append(&head, &b.link);
	list_append(&head, &c.link);
	list_prepend(&head, &a.link);
	assert_int_equal(sum_in_order(&head), 123);
	assert_ptr_equal(list_first(&head), &a.link);
	list_remove(&b.link);
	assert_int_equal(sum_in_order(&head), 13);
	list_append(&head, &b.link);
	assert_int_equal(sum_in_order(&head), 132);
}

static void removing_twice_or_what_was_never_linked_does_nothing(void **state)
{
	struct item a = {.value = 1}, never = {0};
	struct list head;

	(void)state;
	list_init(&head);
	list_append(&head, &a.link);
	assert_true(list_is_linked(&a.link));
	list_remove(&a.link);
	list_remove(&a.link);
	list_remove(&never.link);
	assert_false(list_is_linked(&a.link) || list_is_linked(&never.link));
	assert_true(list_is_empty(&head));
}

static void the_current_item_may_leave_while_walking(void **state)
{
	struct item items[5];
	LIST_HEAD(head);

	(void)state;
	for (int i = 0; i < 5; i++) {
		items[i].value = i + 1;
		list_append(&head, &items[i].link);
	}
	list_each (node, &head)
		if (list_entry(node, struct item, link)->value % 2)
			list_remove(node);
	assert_int_equal(sum_in_order(&head), 24);
	list_each (node, &head)
		list_remove(node);
	assert_true(list_is_empty(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_keep_their_order),
		cmocka_unit_test(removing_twice_or_what_was_never_linked_does_nothing),
		cmocka_unit_test(the_current_item_may_leave_while_walking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
