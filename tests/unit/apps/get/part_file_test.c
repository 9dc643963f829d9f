/* The file that is being fetched: resuming, restarting, finishing, in a folder of its own. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "get/part_file.h"

static char folder[64];

static int enter_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/part_file_test.XXXXXX");
    return mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
    static const char *const names[] = {"f", "f.part", "f.part.info", "link", "pipe"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(names[i]);
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void assert_content(const char *name, const char *expected)
{
    char text[64] = "";
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = '\0';
    fclose(file);
    assert_string_equal(text, expected);
}

static int exists(const char *name)
{
    struct stat status;
    return lstat(name, &status) == 0;
}

/* An earlier run that got this far and was killed. */
static void interrupted(const char *text, const char *validator)
{
    struct part_file file;
    assert_int_equal(part_open(&file, "f", PART_WITHOUT_DIGEST), 0);
    assert_int_equal(part_restart(&file, validator), 0);
    assert_int_equal(part_write(&file, text, strlen(text)), strlen(text));
    part_close(&file);
}

static void a_whole_file_gets_its_name_and_time(void **state)
{
    struct part_file file;
    struct stat status;
    (void)state;
    assert_int_equal(part_open(&file, "f", PART_WITHOUT_DIGEST), 0);
    assert_int_equal(part_restart(&file, "\"v\""), 0);
    assert_int_equal(part_write(&file, "hello", 5), 5);
    assert_false(exists("f"));
    assert_int_equal(part_finish(&file, 784111777), 0);
    part_close(&file);
    assert_content("f", "hello");
    assert_false(exists("f.part") || exists("f.part.info"));
    assert_int_equal(stat("f", &status), 0);
    assert_int_equal(status.st_mtime, 784111777);
}

static void an_interrupted_file_goes_on_with_its_digest(void **state)
{
    struct part_file file;
    unsigned char digest[SHA256_BYTES];
    char text[SHA256_TEXT];
    (void)state;
    interrupted("ab", "\"v\"");
    assert_int_equal(part_open(&file, "f", PART_WITH_DIGEST), 0);
    assert_int_equal(part_resume(&file), 0);
    assert_int_equal(file.size, 2);
    assert_string_equal(file.validator, "\"v\"");
    assert_int_equal(part_write(&file, "c", 1), 1);
    sha256_end(&file.sha, digest);
    assert_string_equal(sha256_text(digest, text),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(part_finish(&file, 0), 0);
    assert_content("f", "abc");
}

static void without_a_trusted_validator_it_starts_anew(void **state)
{
    static const char *const infos[] = {"", "tunny part 1\n", "tunny part 2\n\"v\"\n",
                                        "tunny part 1\n\"v\""};
    struct part_file file;
    (void)state;
    interrupted("ab", "");
    for (size_t i = 0; i < sizeof infos / sizeof *infos; i++) {
        put("f.part.info", infos[i]);
        assert_int_equal(part_open(&file, "f", PART_WITHOUT_DIGEST), 0);
        assert_int_equal(part_resume(&file), 0);
        assert_int_equal(file.size, 0);
        close(file.descriptor);
    }
    assert_int_equal(part_open(&file, "f", PART_WITHOUT_DIGEST), 0);
    assert_int_equal(part_restart(&file, "\"w\""), 0);
    assert_int_equal(part_write(&file, "z", 1), 1);
    assert_int_equal(part_finish(&file, 0), 0);
    assert_content("f", "z");
}

static void a_distrusted_part_is_not_resumed(void **state)
{
    struct part_file file;
    (void)state;
    interrupted("ab", "\"v\"");
    assert_int_equal(part_open(&file, "f", PART_WITHOUT_DIGEST), 0);
    assert_int_equal(part_resume(&file), 0);
    part_distrust(&file);
    part_close(&file);
    assert_int_equal(part_open(&file, "f", PART_WITHOUT_DIGEST), 0);
    assert_int_equal(part_resume(&file), 0);
    assert_int_equal(file.size, 0);
    part_close(&file);
}

static void a_whole_file_can_become_the_part(void **state)
{
    struct part_file file;
    (void)state;
    put("f", "abc");
    assert_int_equal(part_open(&file, "f", PART_WITHOUT_DIGEST), 0);
    assert_int_equal(part_resume(&file), 0);
    assert_true(file.has_whole);
    assert_int_equal(file.whole_size, 3);
    assert_int_equal(part_adopt_whole(&file), 0);
    assert_int_equal(part_write(&file, "d", 1), 1);
    assert_int_equal(part_finish(&file, 0), 0);
    assert_content("f", "abcd");
}

static void one_writer_at_a_time(void **state)
{
    struct part_file file, other;
    (void)state;
    assert_int_equal(part_open(&file, "f", PART_WITHOUT_DIGEST), 0);
    assert_int_equal(part_open(&other, "f", PART_WITHOUT_DIGEST), -EWOULDBLOCK);
    part_close(&file);
}

static void nothing_is_left_of_an_empty_part(void **state)
{
    struct part_file file;
    (void)state;
    assert_int_equal(part_open(&file, "f", PART_WITHOUT_DIGEST), 0);
    assert_int_equal(part_restart(&file, "\"v\""), 0);
    part_close(&file);
    assert_false(exists("f.part") || exists("f.part.info"));
}

static void devices_are_written_and_never_replaced(void **state)
{
    struct part_file file;
    struct stat status;
    (void)state;
    assert_int_equal(part_open(&file, "/dev/full", PART_WITHOUT_DIGEST), 0);
    assert_true(file.is_stream);
    assert_int_equal(part_restart(&file, ""), 0);
    assert_int_equal(part_write(&file, "x", 1), -ENOSPC);
    assert_int_equal(part_finish(&file, 0), 0);
    part_close(&file);
    assert_int_equal(stat("/dev/full", &status), 0);
    assert_true(S_ISCHR(status.st_mode));
}

static void links_are_written_through_but_not_at_the_part(void **state)
{
    struct part_file file;
    (void)state;
    put("f", "old");
    assert_int_equal(symlink("f", "link"), 0);
    assert_int_equal(part_open(&file, "link", PART_WITHOUT_DIGEST), 0);
    assert_int_equal(part_restart(&file, ""), 0);
    assert_int_equal(part_write(&file, "new", 3), 3);
    assert_int_equal(part_finish(&file, 0), 0);
    assert_content("f", "new");
    assert_int_equal(symlink("f", "f.part"), 0);
    assert_int_equal(part_open(&file, "f", PART_WITHOUT_DIGEST), -ELOOP);
}

static void folders_and_missing_folders_are_refused(void **state)
{
    struct part_file file;
    (void)state;
    assert_int_equal(part_open(&file, ".", PART_WITHOUT_DIGEST), -EISDIR);
    assert_int_equal(part_open(&file, "no/f", PART_WITHOUT_DIGEST), -ENOENT);
}

/* A pipe that nobody empties: the writer is told instead of blocked. */
static void a_full_pipe_does_not_block(void **state)
{
    struct part_file file;
    char block[8192] = {0};
    (void)state;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    int reader = open("pipe", O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    assert_int_equal(part_open(&file, "pipe", PART_WITHOUT_DIGEST), 0);
    ssize_t written;
    while ((written = part_write(&file, block, sizeof block)) > 0)
        assert_true(file.size < 1 << 24);
    assert_int_equal(written, 0);
    close(reader);
    assert_int_equal(part_write(&file, block, sizeof block), -EPIPE);
    part_close(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)
        IN_FOLDER(a_whole_file_gets_its_name_and_time),
        IN_FOLDER(an_interrupted_file_goes_on_with_its_digest),
        IN_FOLDER(without_a_trusted_validator_it_starts_anew),
        IN_FOLDER(a_distrusted_part_is_not_resumed),
        IN_FOLDER(a_whole_file_can_become_the_part),
        IN_FOLDER(one_writer_at_a_time),
        IN_FOLDER(nothing_is_left_of_an_empty_part),
        IN_FOLDER(devices_are_written_and_never_replaced),
        IN_FOLDER(links_are_written_through_but_not_at_the_part),
        IN_FOLDER(folders_and_missing_folders_are_refused),
        IN_FOLDER(a_full_pipe_does_not_block),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
