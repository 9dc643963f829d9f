/* The list: order, membership, and taking out from anywhere. */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct item {
    int number;
    struct list node;
};

static void holds(struct list *head, const int *numbers, size_t count)
{
    struct list *node = head->next;
    for (size_t i = 0; i < count; i++, node = node->next)
        assert_int_equal(LIST_ENTRY(node, struct item, node)->number, numbers[i]);
    assert_ptr_equal(node, head);
    for (size_t i = count; i > 0; i--) {
        node = node->previous;
        assert_int_equal(LIST_ENTRY(node, struct item, node)->number, numbers[i - 1]);
    }
}

static void nodes_come_in_the_order_of_appending(void **state)
{
    (void)state;
    struct list head;
    struct item items[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    list_init(&head);
    assert_null(list_first(&head));
    for (int i = 0; i < 3; i++)
        list_append(&head, &items[i].node);
    holds(&head, (const int[]){1, 2, 3}, 3);
    assert_ptr_equal(list_first(&head), &items[0].node);
    list_remove(&items[1].node);
    holds(&head, (const int[]){1, 3}, 2);
    list_insert_before(&items[0].node, &items[1].node);
    holds(&head, (const int[]){2, 1, 3}, 3);
}

static void membership_can_be_asked(void **state)
{
    (void)state;
    struct list head;
    struct item item = {.number = 1};
    list_init(&head);
    assert_false(list_contains_node(&item.node));
    list_append(&head, &item.node);
    assert_true(list_contains_node(&item.node));
    list_remove(&item.node);
    list_remove(&item.node);
    assert_false(list_contains_node(&item.node));
    assert_true(list_is_empty(&head));
}

static void a_zeroed_head_is_empty(void **state)
{
    (void)state;
    struct list head = {0};
    assert_true(list_is_empty(&head));
    assert_null(list_first(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_come_in_the_order_of_appending),
        cmocka_unit_test(membership_can_be_asked),
        cmocka_unit_test(a_zeroed_head_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
