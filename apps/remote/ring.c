/* See ring.h. Each side publishes with release what the other acquires. Falling asleep is a store
 * and then a look, publishing is a store and then a look at who sleeps: between store and look
 * there is a full fence on both sides, so that one of the two sees the other (Dekker). */
#define _GNU_SOURCE
#include "remote/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

/* --- the memory --------------------------------------------------------------------------------
 */

size_t ring_memory_size(uint32_t size)
{
    return RING_PAGE + 2 * (size_t)size;
}

int ring_memory_make(uint32_t size)
{
    int made = memfd_create("tunny-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (made < 0)
        return -errno;
    if (ftruncate(made, (off_t)ring_memory_size(size)) == 0 && fcntl(made, F_ADD_SEALS, SEALS) == 0)
        return made;
    int error = errno;
    close(made);
    return -error;
}

int ring_memory_map(int descriptor, uint32_t size, struct ring_page **page)
{
    struct stat facts;
    _Static_assert(sizeof(struct ring_page) <= RING_PAGE, "the words have a page");
    if (size < RING_LEAST || size > RING_MOST || (size & (size - 1)) != 0 ||
        fstat(descriptor, &facts) < 0 || facts.st_size != (off_t)ring_memory_size(size) ||
        (fcntl(descriptor, F_GET_SEALS) & SEALS) != SEALS)
        return -EPROTO;
    void *mapped = mmap(NULL, ring_memory_size(size), PROT_READ | PROT_WRITE, MAP_SHARED,
                        descriptor, 0);
    if (mapped == MAP_FAILED)
        return -errno;
    *page = mapped;
    return 0;
}

void ring_memory_unmap(struct ring_page *page, uint32_t size)
{
    munmap(page, ring_memory_size(size));
}

void ring_ends(struct ring_page *page, uint32_t size, struct ring_end *out, struct ring_end *in)
{
    uint8_t *data = (uint8_t *)page + RING_PAGE;
    *out = (struct ring_end){.words = &page->out, .data = data, .size = size};
    *in = (struct ring_end){.words = &page->in, .data = data + size, .size = size};
}

/* --- moving text -------------------------------------------------------------------------------
 */

static ssize_t pieces_of(const struct ring_end *end, size_t length, size_t most,
                         struct iovec pieces[2])
{
    size_t at = end->position & (end->size - 1);
    if (length > most)
        length = most;
    size_t first = end->size - at;
    if (first > length)
        first = length;
    pieces[0] = (struct iovec){end->data + at, first};
    pieces[1] = (struct iovec){end->data, length - first};
    return (ssize_t)length;
}

static bool wakes(_Atomic uint32_t *sleeps)
{
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load_explicit(sleeps, memory_order_relaxed) != 0 &&
           atomic_exchange_explicit(sleeps, 0, memory_order_relaxed) != 0;
}

static void falls_asleep(_Atomic uint32_t *sleeps)
{
    atomic_store_explicit(sleeps, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
}

ssize_t ring_room(const struct ring_end *end, size_t most, struct iovec pieces[2])
{
    uint32_t head = atomic_load_explicit(&end->words->head, memory_order_acquire);
    uint32_t used = end->position - head;
    if (used > end->size)
        return -EPROTO;
    return pieces_of(end, end->size - used, most, pieces);
}

bool ring_written(struct ring_end *end, size_t length)
{
    end->position += (uint32_t)length;
    atomic_store_explicit(&end->words->tail, end->position, memory_order_release);
    return wakes(&end->words->reader_sleeps);
}

bool ring_finish(struct ring_end *end)
{
    atomic_store_explicit(&end->words->ended, 1, memory_order_release);
    return wakes(&end->words->reader_sleeps);
}

ssize_t ring_text(const struct ring_end *end, size_t most, struct iovec pieces[2])
{
    uint32_t tail = atomic_load_explicit(&end->words->tail, memory_order_acquire);
    uint32_t there = tail - end->position;
    if (there > end->size)
        return -EPROTO;
    return pieces_of(end, there, most, pieces);
}

bool ring_taken(struct ring_end *end, size_t length)
{
    end->position += (uint32_t)length;
    atomic_store_explicit(&end->words->head, end->position, memory_order_release);
    return wakes(&end->words->writer_sleeps);
}

/* The end is looked at first: behind it the tail is the last one. */
bool ring_is_at_end(const struct ring_end *end)
{
    return atomic_load_explicit(&end->words->ended, memory_order_acquire) != 0 &&
           atomic_load_explicit(&end->words->tail, memory_order_acquire) == end->position;
}

void ring_fall_asleep_reading(const struct ring_end *end)
{
    falls_asleep(&end->words->reader_sleeps);
}

void ring_fall_asleep_writing(const struct ring_end *end)
{
    falls_asleep(&end->words->writer_sleeps);
}

bool ring_must_wake(struct ring_page *page, bool the_program)
{
    bool reads = wakes(the_program ? &page->in.reader_sleeps : &page->out.reader_sleeps);
    bool writes = wakes(the_program ? &page->out.writer_sleeps : &page->in.writer_sleeps);
    return reads || writes;
}
