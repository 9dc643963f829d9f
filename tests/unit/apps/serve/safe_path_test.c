/* No path leaves the served folder: not by "..", not by encoded slashes, not by links; both ways of
 * opening. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "serve/safe_path.h"

static void assert_decoded(const char *target, const char *expected)
{
    char path[SAFE_PATH];
    assert_int_equal(safe_path_decode(target, path), 0);
    assert_string_equal(path, expected);
}

static void decodes_paths(void **state)
{
    (void)state;
    assert_decoded("/", "");
    assert_decoded("/a/b?c=/d", "a/b");
    assert_decoded("/a%20b/%c3%bc", "a b/\xc3\xbc");
    assert_decoded("//a///b//", "a/b/");
    assert_decoded("/...", "...");
    assert_decoded("/.a/..b", ".a/..b");
}

static void refuses_ways_out(void **state)
{
    static const char *const wrong[] = {
        "/..",    "/../etc/passwd", "/a/../../b", "/%2e%2e/x", "/.%2E", "/a/%2e%2e",  "/.",
        "/a/./b", "/a%2fb",         "/..%2fx",    "/a%2F..",   "//..",  "/%2e%2e%2f",
    };
    char path[SAFE_PATH];
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (safe_path_decode(wrong[i], path) != -EACCES)
            fail_msg("%s was taken", wrong[i]);
}

static void refuses_what_is_no_path(void **state)
{
    static const char *const wrong[] = {"", "a", "*", "/%", "/%2", "/%zz", "/a%00b", "/%0"};
    char path[SAFE_PATH], target[SAFE_PATH + 16];
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (safe_path_decode(wrong[i], path) != -EBADMSG)
            fail_msg("%s was taken", wrong[i]);
    snprintf(target, sizeof target, "/%0*d", SAFE_PATH, 0);
    assert_int_equal(safe_path_decode(target, path), -EBADMSG);
}

/* outside, root/in/file, root/inner -> in/file, root/out -> ../outside, root/absolute -> /etc */
static char folder[64];
static int root = -1;

static int make_tree(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/safe_path_test.XXXXXX");
    if (mkdtemp(folder) == NULL || chdir(folder) < 0 || mkdir("root", 0700) < 0 ||
        mkdir("root/in", 0700) < 0 || symlink("in/file", "root/inner") < 0 ||
        symlink("../outside", "root/out") < 0 || symlink("/etc", "root/absolute") < 0)
        return -1;
    close(open("outside", O_WRONLY | O_CREAT, 0600));
    close(open("root/in/file", O_WRONLY | O_CREAT, 0600));
    root = open("root", O_RDONLY | O_DIRECTORY);
    return root < 0 ? -1 : 0;
}

static int remove_tree(void **state)
{
    static const char *const files[] = {"outside", "root/in/file", "root/inner", "root/out",
                                        "root/absolute"};
    (void)state;
    close(root);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(files[i]);
    return rmdir("root/in") < 0 || rmdir("root") < 0 || chdir("/") < 0 ? -1 : rmdir(folder);
}

static void assert_opens(int (*open_path)(int root, const char *path), const char *path)
{
    int descriptor = open_path(root, path);
    if (descriptor < 0)
        fail_msg("%s: %s", path, strerror(-descriptor));
    close(descriptor);
}

static void both_ways_open_what_is_inside_and_nothing_outside(void **state)
{
    int (*const ways[])(int root, const char *path) = {safe_path_open, safe_path_walk};
    static const char *const outside[] = {
        "out",         "absolute", "absolute/passwd", "in/../../outside",
        "/etc/passwd", "..",       "nothing",         "in/file/x"};
    (void)state;
    for (size_t way = 0; way < 2; way++) {
        assert_opens(ways[way], "");
        assert_opens(ways[way], "in");
        assert_opens(ways[way], "in/");
        assert_opens(ways[way], "in/file");
        for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
            /* The walk takes decoded paths, in which ".." cannot stand. */
            if (way == 1 && strstr(outside[i], "..") != NULL)
                continue;
            int descriptor = ways[way](root, outside[i]);
            if (descriptor >= 0)
                fail_msg("way %zu opened %s", way, outside[i]);
        }
        char name[400];
        snprintf(name, sizeof name, "%0300d", 0);
        assert_int_equal(ways[way](root, name), -ENAMETOOLONG);
    }
    assert_int_equal(safe_path_walk(root, "inner"), -ELOOP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_paths),
        cmocka_unit_test(refuses_ways_out),
        cmocka_unit_test(refuses_what_is_no_path),
        cmocka_unit_test_setup_teardown(both_ways_open_what_is_inside_and_nothing_outside,
                                        make_tree, remove_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
