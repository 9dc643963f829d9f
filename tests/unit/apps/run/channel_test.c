/* Unit tests of channel.c: the table of channels, the queue of those with something to do, names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "run/bridge.h"

static int make(void **state)
{
    struct bridge *bridge = calloc(1, sizeof *bridge);
    *state = bridge;
    if (bridge == NULL)
        return -1;
    bridge->channels.next_id = EVENT_LAST;
    bridge->channels.probe = -1;
    bridge->channels.nonce = UINT64_C(0x1234567890) + (uint64_t)getpid();
    return 0;
}

static int destroy(void **state)
{
    struct bridge *bridge = *state;
    while (bridge->channels.first != NULL)
        channel_free(bridge, bridge->channels.first);
    free(bridge->channels.by_socket);
    if (bridge->channels.probe >= 0)
        close(bridge->channels.probe);
    free(bridge);
    return 0;
}

static void each_is_found_by_number_cookie_and_socket(void **state)
{
    struct bridge *bridge = *state;
    struct channels *channels = &bridge->channels;
    enum { COUNT = 1000 };
    struct channel *made[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        made[i] = channel_new(channels, AF_INET);
        assert_true(made[i]->id > EVENT_LAST);
        channel_set_cookie(channels, made[i], 5000 + i);
        assert_int_equal(channel_set_socket(channels, made[i], (int)i), 0);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        assert_ptr_equal(channel_by_id(channels, made[i]->id), made[i]);
        assert_ptr_equal(channel_by_cookie(channels, 5000 + i), made[i]);
        assert_ptr_equal(channel_by_socket(channels, (int)i), made[i]);
        made[i]->socket = -1; /* there is no stack here to close it */
    }
    uint64_t id = made[7]->id;
    channel_free(bridge, made[7]);
    assert_null(channel_by_id(channels, id));
    assert_null(channel_by_cookie(channels, 5007));
    assert_int_equal(channels->count, COUNT - 1);
    assert_null(channel_by_socket(channels, 1 << 20));
}

static void those_with_something_to_do_come_in_order_and_once(void **state)
{
    struct bridge *bridge = *state;
    struct channels *channels = &bridge->channels;
    struct channel *made[4];
    for (unsigned i = 0; i < 4; i++) {
        made[i] = channel_new(channels, AF_INET6);
        channel_mark_dirty(channels, made[i]);
        channel_mark_dirty(channels, made[i]);
    }
    assert_int_equal(channels->dirty_count, 4);
    channel_free(bridge, made[3]);
    channel_free(bridge, made[1]);
    assert_int_equal(channels->dirty_count, 2);
    assert_ptr_equal(channel_next_dirty(channels), made[0]);
    channel_mark_dirty(channels, made[0]);
    assert_ptr_equal(channel_next_dirty(channels), made[2]);
    assert_ptr_equal(channel_next_dirty(channels), made[0]);
    assert_null(channel_next_dirty(channels));
}

static int bound(const struct channels *channels, char end, uint64_t id)
{
    struct sockaddr_un name;
    socklen_t length = channel_name(channels, end, id, &name);
    int here = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(here, (const struct sockaddr *)&name, length), 0);
    return here;
}

static void a_name_tells_whether_its_owner_lives(void **state)
{
    struct bridge *bridge = *state;
    struct channel *channel = channel_new(&bridge->channels, AF_INET);
    assert_false(channel_is_alive(&bridge->channels, channel));
    int here = bound(&bridge->channels, 'A', channel->id);
    assert_true(channel_is_alive(&bridge->channels, channel));
    close(here);
    assert_false(channel_is_alive(&bridge->channels, channel));
}

/* The socket that tries names is used again until one is free, whose name it then has. */
static void names_are_tried_with_one_socket(void **state)
{
    struct bridge *bridge = *state;
    struct channels *channels = &bridge->channels;
    struct channel *living = channel_new(channels, AF_INET);
    struct channel *gone = channel_new(channels, AF_INET);
    int here = bound(channels, 'A', living->id);
    assert_true(channel_is_alive(channels, living));
    int probe = channels->probe;
    assert_true(channel_is_alive(channels, living));
    assert_int_equal(channels->probe, probe);
    assert_false(channel_is_alive(channels, gone));
    assert_false(channel_is_alive(channels, gone));
    assert_true(channel_is_alive(channels, living));
    close(here);
}

/* What a program takes from its queue by itself is known by the name of the other end. */
static void an_accepted_end_is_recognised(void **state)
{
    struct bridge *bridge = *state;
    struct channels *channels = &bridge->channels;
    struct channel *child = channel_new(channels, AF_INET);
    struct sockaddr_un name;
    int listener = bound(channels, 'A', 99), pipe = bound(channels, 'S', child->id);
    socklen_t length = channel_name(channels, 'A', 99, &name);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(connect(pipe, (const struct sockaddr *)&name, length), 0);
    int accepted = accept(listener, NULL, NULL), stranger[2];
    assert_true(accepted >= 0);
    assert_ptr_equal(channel_of(channels, accepted), child);
    assert_int_not_equal(child->cookie, 0);
    assert_ptr_equal(channel_of(channels, accepted), child);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, stranger), 0);
    assert_null(channel_of(channels, stranger[0]));
    assert_null(channel_of(channels, listener));
    int all[] = {listener, pipe, accepted, stranger[0], stranger[1]};
    for (unsigned i = 0; i < 5; i++)
        close(all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_is_found_by_number_cookie_and_socket, make, destroy),
        cmocka_unit_test_setup_teardown(those_with_something_to_do_come_in_order_and_once, make,
                                        destroy),
        cmocka_unit_test_setup_teardown(a_name_tells_whether_its_owner_lives, make, destroy),
        cmocka_unit_test_setup_teardown(names_are_tried_with_one_socket, make, destroy),
        cmocka_unit_test_setup_teardown(an_accepted_end_is_recognised, make, destroy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
