/* A balanced search tree (AVL) of nodes that live inside their owner's structs; the key is the
 * 64-bit number in the node. Every operation is O(log n) whatever the peer sends: this is what
 * keeps SACK and reassembly floods cheap. Allocates nothing. */
#ifndef TUNNY_BASE_TREE_H
#define TUNNY_BASE_TREE_H

#include <stddef.h>
#include <stdint.h>

struct tree_node {
    struct tree_node *parent, *child[2];
    uint64_t key;
    int height;
};

struct tree {
    struct tree_node *root;
    size_t count;
};

/* The struct that contains this node, or NULL for NULL. */
#define TREE_ENTRY(node, type, member) ((type *)tree_entry_or_null((node), offsetof(type, member)))

static inline void *tree_entry_or_null(struct tree_node *node, size_t offset)
{
    return node ? (char *)node - offset : NULL;
}

/* Inserts `node` under `key`; keys are unique (CHECKed). */
void tree_insert(struct tree *tree, struct tree_node *node, uint64_t key);
void tree_remove(struct tree *tree, struct tree_node *node);

/* NULL when there is none. */
struct tree_node *tree_first(const struct tree *tree);
struct tree_node *tree_last(const struct tree *tree);
struct tree_node *tree_next(const struct tree_node *node);
struct tree_node *tree_previous(const struct tree_node *node);
/* The node with the greatest key <= `key`, and the one with the smallest key >= `key`. */
struct tree_node *tree_at_or_before(const struct tree *tree, uint64_t key);
struct tree_node *tree_at_or_after(const struct tree *tree, uint64_t key);

/* Tests: the heights and the order are right. */
void tree_check(const struct tree *tree);

#endif
