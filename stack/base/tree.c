/* The AVL tree of tree.h. Nodes know their parent, so that every walk is a loop: down by key, up to
 * restore the balance, sideways to the next. Called by ranges and by whoever keeps records in
 * order; it must not know what a key means. */
#include "base/tree.h"

#include "base/check.h"

enum { LEFT = 0, RIGHT = 1 };

static int height_of(const struct tree_node *node)
{
    return node ? node->height : 0;
}

/* How much higher the right side is. */
static int lean_of(const struct tree_node *node)
{
    return height_of(node->child[RIGHT]) - height_of(node->child[LEFT]);
}

static void measure(struct tree_node *node)
{
    int left = height_of(node->child[LEFT]);
    int right = height_of(node->child[RIGHT]);
    node->height = 1 + (left > right ? left : right);
}

static void set_child(struct tree_node *parent, int side, struct tree_node *child)
{
    parent->child[side] = child;
    if (child)
        child->parent = parent;
}

/* Puts `new` (perhaps NULL) under the parent of `old`. */
static void replace(struct tree *tree, struct tree_node *old, struct tree_node *new)
{
    struct tree_node *parent = old->parent;
    if (!parent)
        tree->root = new;
    else
        parent->child[parent->child[RIGHT] == old] = new;
    if (new)
        new->parent = parent;
}

/* `node` goes down on `side`, its other child comes up in its place and is returned. */
static struct tree_node *rotate(struct tree *tree, struct tree_node *node, int side)
{
    struct tree_node *up = node->child[!side];
    replace(tree, node, up);
    set_child(node, !side, up->child[side]);
    set_child(up, side, node);
    measure(node);
    measure(up);
    return up;
}

/* Restores the balance at `node`; returns the root of what was its subtree. */
static struct tree_node *balance(struct tree *tree, struct tree_node *node)
{
    measure(node);
    int lean = lean_of(node);
    if (lean >= -1 && lean <= 1)
        return node;
    int heavy = lean > 0 ? RIGHT : LEFT;
    int inner = heavy == RIGHT ? -1 : 1;
    if (lean_of(node->child[heavy]) == inner)
        rotate(tree, node->child[heavy], heavy);
    return rotate(tree, node, !heavy);
}

/* From `node` up to where nothing changes any more. */
static void balance_upwards(struct tree *tree, struct tree_node *node)
{
    while (node) {
        int before = node->height;
        node = balance(tree, node);
        if (node->height == before)
            break;
        node = node->parent;
    }
}

void tree_insert(struct tree *tree, struct tree_node *node, uint64_t key)
{
    *node = (struct tree_node){.key = key, .height = 1};
    struct tree_node *parent = NULL;
    struct tree_node **link = &tree->root;
    while (*link) {
        parent = *link;
        CHECK(key != parent->key);
        link = &parent->child[key > parent->key];
    }
    *link = node;
    node->parent = parent;
    tree->count++;
    balance_upwards(tree, parent);
}

/* The outermost node on `side` below `node`. */
static struct tree_node *outermost(struct tree_node *node, int side)
{
    while (node && node->child[side])
        node = node->child[side];
    return node;
}

/* Puts the next node in the place of `node`, which has two children; returns where the balance may
 * be lost. */
static struct tree_node *replace_by_next(struct tree *tree, struct tree_node *node)
{
    struct tree_node *next = outermost(node->child[RIGHT], LEFT);
    struct tree_node *lost = next;
    if (next != node->child[RIGHT]) {
        lost = next->parent;
        set_child(lost, LEFT, next->child[RIGHT]);
        set_child(next, RIGHT, node->child[RIGHT]);
    }
    set_child(next, LEFT, node->child[LEFT]);
    next->height = node->height;
    replace(tree, node, next);
    return lost;
}

void tree_remove(struct tree *tree, struct tree_node *node)
{
    struct tree_node *lost;
    CHECK(tree->count > 0);
    if (node->child[LEFT] && node->child[RIGHT]) {
        lost = replace_by_next(tree, node);
    } else {
        lost = node->parent;
        replace(tree, node, node->child[LEFT] ? node->child[LEFT] : node->child[RIGHT]);
    }
    tree->count--;
    node->parent = node->child[LEFT] = node->child[RIGHT] = NULL;
    balance_upwards(tree, lost);
}

struct tree_node *tree_first(const struct tree *tree)
{
    return outermost(tree->root, LEFT);
}

struct tree_node *tree_last(const struct tree *tree)
{
    return outermost(tree->root, RIGHT);
}

/* The neighbour of `node` in the order of keys. */
static struct tree_node *neighbour(const struct tree_node *node, int side)
{
    if (node->child[side])
        return outermost(node->child[side], !side);
    while (node->parent && node->parent->child[side] == node)
        node = node->parent;
    return node->parent;
}

struct tree_node *tree_next(const struct tree_node *node)
{
    return neighbour(node, RIGHT);
}

struct tree_node *tree_previous(const struct tree_node *node)
{
    return neighbour(node, LEFT);
}

struct tree_node *tree_at_or_before(const struct tree *tree, uint64_t key)
{
    struct tree_node *best = NULL;
    struct tree_node *node = tree->root;
    while (node) {
        if (node->key <= key)
            best = node;
        node = node->child[node->key <= key];
    }
    return best;
}

struct tree_node *tree_at_or_after(const struct tree *tree, uint64_t key)
{
    struct tree_node *best = NULL;
    struct tree_node *node = tree->root;
    while (node) {
        if (node->key >= key)
            best = node;
        node = node->child[node->key < key];
    }
    return best;
}

static void check_node(const struct tree *tree, const struct tree_node *node)
{
    int left = height_of(node->child[LEFT]);
    int right = height_of(node->child[RIGHT]);
    CHECK(node->height == 1 + (left > right ? left : right));
    CHECK(left - right >= -1 && left - right <= 1);
    for (int side = LEFT; side <= RIGHT; side++)
        CHECK(!node->child[side] || node->child[side]->parent == node);
    CHECK(node->parent || tree->root == node);
}

void tree_check(const struct tree *tree)
{
    size_t count = 0;
    const struct tree_node *previous = NULL;
    for (const struct tree_node *node = tree_first(tree); node; node = tree_next(node)) {
        check_node(tree, node);
        CHECK(!previous || previous->key < node->key);
        previous = node;
        count++;
    }
    CHECK(count == tree->count);
}
