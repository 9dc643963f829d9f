/* Rings in shared memory (remote/ring.c): text, ends, sleep, a neighbour who writes nonsense. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "remote/ring.h"

enum { SIZE = 4096 };

/* The same memory as both sides map it. */
struct world {
    int memory;
    struct ring_page *pages[2];
    struct ring_end writer, reader;
};

static int open_world(void **state)
{
    static struct world world;
    struct ring_end unused;
    world.memory = ring_memory_make(SIZE);
    assert_true(world.memory >= 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ring_memory_map(world.memory, SIZE, &world.pages[i]), 0);
    ring_ends(world.pages[0], SIZE, &world.writer, &unused);
    ring_ends(world.pages[1], SIZE, &world.reader, &unused);
    *state = &world;
    return 0;
}

static int close_world(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 2; i++)
        ring_memory_unmap(world->pages[i], SIZE);
    close(world->memory);
    return 0;
}

static uint8_t byte_at(size_t position)
{
    return (uint8_t)(position * 167 + (position >> 8));
}

/* Writes at most `most` bytes of the stream that goes on at *position. */
static bool put(struct ring_end *end, size_t *position, size_t most)
{
    struct iovec pieces[2];
    size_t done = 0;
    ssize_t room = ring_room(end, most, pieces);
    assert_true(room >= 0 && (size_t)room <= most);
    for (int i = 0; i < 2; i++)
        for (size_t j = 0; j < pieces[i].iov_len; j++, done++)
            ((uint8_t *)pieces[i].iov_base)[j] = byte_at((*position)++);
    assert_int_equal(done, room);
    return ring_written(end, done);
}

static size_t get(struct ring_end *end, size_t *position, size_t most, bool *wake)
{
    struct iovec pieces[2];
    size_t done = 0;
    ssize_t there = ring_text(end, most, pieces);
    assert_true(there >= 0 && (size_t)there <= most);
    for (int i = 0; i < 2; i++)
        for (size_t j = 0; j < pieces[i].iov_len; j++, done++)
            if (((uint8_t *)pieces[i].iov_base)[j] != byte_at((*position)++))
                fail_msg("byte %zu is another one", *position - 1);
    assert_int_equal(done, there);
    *wake = ring_taken(end, done);
    return done;
}

/* Pieces of every size, across the end of the ring and of 32 bits. */
static void text_goes_round(void **state)
{
    struct world *world = *state;
    size_t written = 0, read = 0;
    bool wake;
    world->writer.position = world->reader.position = UINT32_MAX - 3000;
    atomic_store(&world->pages[0]->out.tail, UINT32_MAX - 3000);
    atomic_store(&world->pages[0]->out.head, UINT32_MAX - 3000);
    for (size_t i = 0; i < 20000; i++) {
        put(&world->writer, &written, i * 37 % 700);
        get(&world->reader, &read, i * 53 % 900, &wake);
        assert_true(read <= written && written - read <= SIZE);
    }
    while (get(&world->reader, &read, SIZE, &wake) > 0)
        ;
    assert_int_equal(read, written);
}

static void full_is_full_and_empty_is_empty(void **state)
{
    struct world *world = *state;
    struct iovec pieces[2];
    size_t written = 0, read = 0;
    bool wake;
    assert_int_equal(ring_text(&world->reader, SIZE, pieces), 0);
    put(&world->writer, &written, SIZE + 1);
    assert_int_equal(written, SIZE);
    assert_int_equal(ring_room(&world->writer, 1, pieces), 0);
    assert_int_equal(get(&world->reader, &read, 1, &wake), 1);
    assert_int_equal(ring_room(&world->writer, SIZE, pieces), 1);
}

/* The end comes behind all text. */
static void the_end_is_behind_the_text(void **state)
{
    struct world *world = *state;
    size_t written = 0, read = 0;
    bool wake;
    put(&world->writer, &written, 10);
    ring_finish(&world->writer);
    assert_false(ring_is_at_end(&world->reader));
    get(&world->reader, &read, 10, &wake);
    assert_true(ring_is_at_end(&world->reader));
}

/* Who sleeps is woken once; who does not is not. */
static void sleepers_are_woken_once(void **state)
{
    struct world *world = *state;
    size_t written = 0, read = 0;
    bool wake;
    assert_false(put(&world->writer, &written, 1));
    ring_fall_asleep_reading(&world->reader);
    assert_true(put(&world->writer, &written, 1));
    assert_false(put(&world->writer, &written, 1));
    get(&world->reader, &read, 1, &wake);
    assert_false(wake);
    ring_fall_asleep_writing(&world->writer);
    get(&world->reader, &read, 1, &wake);
    assert_true(wake);
    ring_fall_asleep_reading(&world->reader);
    assert_true(ring_finish(&world->writer));
    assert_false(ring_must_wake(world->pages[0], true));
    ring_fall_asleep_reading(&world->reader);
    assert_true(ring_must_wake(world->pages[1], false));
}

/* Words of the other side that cannot be are refused, whatever they are: nothing outside the ring
 * is ever named. */
static void impossible_words_are_refused(void **state)
{
    struct world *world = *state;
    struct iovec pieces[2];
    for (uint64_t word = 0; word <= UINT32_MAX; word += 65521) {
        atomic_store(&world->pages[0]->out.tail, (uint32_t)word);
        ssize_t text = ring_text(&world->reader, SIZE, pieces);
        assert_int_equal(text, word <= SIZE ? (ssize_t)word : -EPROTO);
        atomic_store(&world->pages[0]->out.head, (uint32_t)word);
        uint32_t used = (uint32_t)-word;
        ssize_t room = ring_room(&world->writer, SIZE, pieces);
        assert_int_equal(room, used <= SIZE ? (ssize_t)(SIZE - used) : -EPROTO);
    }
}

/* One's own place is not read from the memory. */
static void own_place_is_kept(void **state)
{
    struct world *world = *state;
    struct iovec pieces[2];
    size_t written = 0, read = 0;
    bool wake;
    put(&world->writer, &written, 100);
    atomic_store(&world->pages[0]->out.head, 77);
    assert_int_equal(get(&world->reader, &read, SIZE, &wake), 100);
    atomic_store(&world->pages[0]->out.tail, 0);
    put(&world->writer, &written, 1);
    assert_int_equal(ring_text(&world->reader, SIZE, pieces), 1);
}

/* Memory that could be made shorter would end who reads it by SIGBUS. */
static void memory_cannot_shrink(void **state)
{
    struct world *world = *state;
    struct ring_page *page;
    assert_int_equal(ftruncate(world->memory, 0), -1);
    assert_int_equal(ring_memory_map(world->memory, 2 * SIZE, &page), -EPROTO);
    assert_int_equal(ring_memory_map(world->memory, SIZE + 1, &page), -EPROTO);
    int soft = memfd_create("soft", MFD_CLOEXEC);
    assert_int_equal(ftruncate(soft, (off_t)ring_memory_size(SIZE)), 0);
    assert_int_equal(ring_memory_map(soft, SIZE, &page), -EPROTO);
    close(soft);
}

/* --- two threads -------------------------------------------------------------------------------
 */

enum { STREAM = 20000000 };

struct pair {
    struct world *world;
    int wake_reader, wake_writer;
};

static void wake(int descriptor)
{
    uint64_t one = 1;
    assert_int_equal(write(descriptor, &one, sizeof one), sizeof one);
}

/* A wake-up that gets lost makes this wait for ever; here it fails. */
static void sleep_until(int descriptor)
{
    uint64_t count;
    struct pollfd waiting = {.fd = descriptor, .events = POLLIN};
    if (poll(&waiting, 1, 20000) != 1)
        fail_msg("nobody wakes");
    assert_int_equal(read(descriptor, &count, sizeof count), sizeof count);
}

static void *write_all(void *context)
{
    struct pair *pair = context;
    struct ring_end *end = &pair->world->writer;
    struct iovec pieces[2];
    size_t written = 0;
    while (written < STREAM) {
        size_t most = 1 + written % 5003;
        if (most > STREAM - written)
            most = STREAM - written;
        if (ring_room(end, 1, pieces) == 0) {
            ring_fall_asleep_writing(end);
            if (ring_room(end, 1, pieces) == 0)
                sleep_until(pair->wake_writer);
        } else if (put(end, &written, most)) {
            wake(pair->wake_reader);
        }
    }
    if (ring_finish(end))
        wake(pair->wake_reader);
    return NULL;
}

static void no_byte_and_no_waking_is_lost(void **state)
{
    struct pair pair = {.world = *state,
                        .wake_reader = eventfd(0, EFD_CLOEXEC),
                        .wake_writer = eventfd(0, EFD_CLOEXEC)};
    struct ring_end *end = &pair.world->reader;
    struct iovec pieces[2];
    pthread_t writer;
    size_t read = 0;
    bool wakes;
    assert_int_equal(pthread_create(&writer, NULL, write_all, &pair), 0);
    while (!ring_is_at_end(end)) {
        if (get(end, &read, 1 + read % 4001, &wakes) > 0) {
            if (wakes)
                wake(pair.wake_writer);
            continue;
        }
        ring_fall_asleep_reading(end);
        if (ring_text(end, 1, pieces) == 0 && !ring_is_at_end(end))
            sleep_until(pair.wake_reader);
    }
    assert_int_equal(read, STREAM);
    pthread_join(writer, NULL);
    close(pair.wake_reader);
    close(pair.wake_writer);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(text_goes_round),
        TEST(full_is_full_and_empty_is_empty),
        TEST(the_end_is_behind_the_text),
        TEST(sleepers_are_woken_once),
        TEST(impossible_words_are_refused),
        TEST(own_place_is_kept),
        TEST(memory_cannot_shrink),
        TEST(no_byte_and_no_waking_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
