/* The tree against an array of booleans, and its height under keys in order. */
#define _GNU_SOURCE
#include "base/tree.h"

#include <stdbool.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "dies.h"

enum { KEYS = 300 };

/* Key k is in the tree if present[k]; its node is nodes[k]. */
struct model {
    struct tree tree;
    struct tree_node nodes[KEYS];
    bool present[KEYS];
};

static struct tree_node *model_before(struct model *m, int key)
{
    while (key >= 0 && !m->present[key])
        key--;
    return key >= 0 ? &m->nodes[key] : NULL;
}

static struct tree_node *model_after(struct model *m, int key)
{
    while (key < KEYS && !m->present[key])
        key++;
    return key < KEYS ? &m->nodes[key] : NULL;
}

static void agrees(struct model *m, int key)
{
    tree_check(&m->tree);
    assert_ptr_equal(tree_first(&m->tree), model_after(m, 0));
    assert_ptr_equal(tree_last(&m->tree), model_before(m, KEYS - 1));
    assert_ptr_equal(tree_at_or_before(&m->tree, (uint64_t)key), model_before(m, key));
    assert_ptr_equal(tree_at_or_after(&m->tree, (uint64_t)key), model_after(m, key));
    if (m->present[key]) {
        assert_ptr_equal(tree_next(&m->nodes[key]), model_after(m, key + 1));
        assert_ptr_equal(tree_previous(&m->nodes[key]), model_before(m, key - 1));
    }
}

static void random_operations_agree_with_a_model(void **state)
{
    (void)state;
    uint64_t seed = 20262;
    struct random random;
    static struct model m;
    print_message("seed %llu\n", (unsigned long long)seed);
    random_seed(&random, seed);
    for (int i = 0; i < 20000; i++) {
        /* Now mostly inserting, now mostly removing, so that every size is met. */
        bool growing = i / 1000 % 2 == 0;
        int key = (int)random_below(&random, KEYS);
        if (m.present[key] && (!growing || random_one_in(&random, 4))) {
            tree_remove(&m.tree, &m.nodes[key]);
            m.present[key] = false;
        } else if (!m.present[key] && (growing || random_one_in(&random, 4))) {
            tree_insert(&m.tree, &m.nodes[key], (uint64_t)key);
            m.present[key] = true;
        }
        agrees(&m, key);
    }
}

static void keys_in_order_keep_it_flat(void **state)
{
    (void)state;
    enum { MANY = 65535 };
    static struct tree_node nodes[MANY];
    struct tree tree = {0};
    for (uint64_t i = 0; i < MANY; i++)
        tree_insert(&tree, &nodes[i], i);
    tree_check(&tree);
    assert_int_equal(tree.count, MANY);
    assert_in_range(tree.root->height, 16, 23);
    for (uint64_t i = 0; i < MANY; i++)
        tree_remove(&tree, tree_first(&tree));
    assert_null(tree.root);
    assert_int_equal(tree.count, 0);
}

static void an_empty_tree_has_nothing(void **state)
{
    (void)state;
    struct tree tree = {0};
    assert_null(tree_first(&tree));
    assert_null(tree_last(&tree));
    assert_null(tree_at_or_before(&tree, UINT64_MAX));
    assert_null(tree_at_or_after(&tree, 0));
}

static void the_greatest_keys_are_in_order(void **state)
{
    (void)state;
    struct tree tree = {0};
    struct tree_node low, high;
    tree_insert(&tree, &high, UINT64_MAX);
    tree_insert(&tree, &low, 0);
    assert_ptr_equal(tree_first(&tree), &low);
    assert_ptr_equal(tree_at_or_after(&tree, 1), &high);
    assert_ptr_equal(tree_at_or_before(&tree, UINT64_MAX - 1), &low);
}

static void insert_the_same_key(void *argument)
{
    struct tree_node node;
    tree_insert(argument, &node, 5);
}

static void keys_are_unique(void **state)
{
    (void)state;
    struct tree tree = {0};
    struct tree_node node;
    tree_insert(&tree, &node, 5);
    assert_true(dies_of_a_check(insert_the_same_key, &tree));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_agree_with_a_model),
        cmocka_unit_test(keys_in_order_keep_it_flat),
        cmocka_unit_test(an_empty_tree_has_nothing),
        cmocka_unit_test(the_greatest_keys_are_in_order),
        cmocka_unit_test(keys_are_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
