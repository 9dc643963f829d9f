/* Answers to requests over a folder of its own: statuses, heads, bodies. */
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

#include "serve/generate.h"
#include "serve/reply.h"

static char folder[64], body[4096];
static size_t body_length;
static struct site site;
static struct reply reply;

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/reply_test.XXXXXX");
    if (mkdtemp(folder) == NULL || chdir(folder) < 0 || mkdir("sub", 0700) < 0 ||
        mkdir("site", 0700) < 0 || mkfifo("pipe", 0600) < 0)
        return -1;
    int file = open("file.txt", O_WRONLY | O_CREAT, 0600);
    int index = open("site/index.html", O_WRONLY | O_CREAT, 0600);
    int odd = open("sub/<a>.b", O_WRONLY | O_CREAT, 0600);
    int wrote = write(file, "0123456789", 10) == 10 && write(index, "index", 5) == 5;
    close(file);
    close(index);
    close(odd);
    site = (struct site){.root = open(".", O_RDONLY | O_DIRECTORY)};
    return wrote && site.root >= 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    close(site.root);
    unlink("file.txt");
    unlink("pipe");
    unlink("site/index.html");
    unlink("sub/<a>.b");
    return rmdir("sub") < 0 || rmdir("site") < 0 || chdir("/") < 0 ? -1 : rmdir(folder);
}

/* The status; the head in reply.head, the body in `body`. */
static unsigned ask(const char *method, const char *target, const char *fields)
{
    struct http_request request;
    char head[1024];
    ssize_t got;
    snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: h\r\n%s\r\n", method, target, fields);
    assert_int_equal(http_request_parse(head, strlen(head), &request), 0);
    reply_to(&reply, &site, &request);
    assert_true(reply.head_length < sizeof reply.head);
    assert_int_equal(reply.head[reply.head_length], '\0');
    assert_string_equal(reply.head + reply.head_length - 4, "\r\n\r\n");
    body_length = 0;
    while (reply.left > 0) {
        got = reply_read(&reply, body + body_length, 3);
        assert_true(got > 0);
        body_length += (size_t)got;
        assert_true(body_length < sizeof body);
    }
    body[body_length] = '\0';
    unsigned status = reply.status;
    reply_end(&reply);
    return status;
}

static void assert_head_has(const char *text)
{
    if (strstr(reply.head, text) == NULL)
        fail_msg("no %s in %s", text, reply.head);
}

static void sends_files_and_their_parts(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/file.txt", ""), 200);
    assert_string_equal(body, "0123456789");
    assert_head_has("Content-Length: 10\r\n");
    assert_head_has("Content-Type: text/plain");
    assert_head_has("Accept-Ranges: bytes\r\n");
    assert_int_equal(ask("GET", "/file.txt", "Range: bytes=2-4\r\n"), 206);
    assert_string_equal(body, "234");
    assert_head_has("Content-Range: bytes 2-4/10\r\n");
    assert_int_equal(ask("GET", "/file.txt", "Range: bytes=10-\r\n"), 416);
    assert_head_has("Content-Range: bytes */10\r\n");
    assert_int_equal(ask("GET", "/file.txt", "Range: bytes=2-4\r\nIf-Range: \"other\"\r\n"), 200);
    assert_int_equal(ask("HEAD", "/file.txt", ""), 200);
    assert_head_has("Content-Length: 10\r\n");
    assert_int_equal(body_length, 0);
}

static void answers_conditions(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/file.txt", "If-None-Match: *\r\n"), 304);
    assert_int_equal(body_length, 0);
    assert_int_equal(ask("GET", "/file.txt", "If-Match: \"x\"\r\n"), 412);
}

static void shows_folders(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/sub/", ""), 200);
    assert_non_null(strstr(body, "href=\"./%3Ca%3E.b\">&#60;a&#62;.b</a>"));
    assert_non_null(strstr(body, "href=\"../\""));
    assert_int_equal(ask("GET", "/", ""), 200);
    assert_non_null(strstr(body, "href=\"./sub/\""));
    assert_null(strstr(body, "href=\"../\""));
    assert_int_equal(ask("GET", "/site/", ""), 200);
    assert_string_equal(body, "index");
    assert_int_equal(ask("GET", "/sub?x", ""), 301);
    assert_head_has("Location: /sub/\r\n");
    assert_int_equal(ask("GET", "//sub", ""), 301);
    assert_head_has("Location: /sub/\r\n");
}

static void refuses_the_rest(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/nothing", ""), 404);
    assert_int_equal(ask("GET", "/file.txt/x", ""), 404);
    assert_int_equal(ask("GET", "/../x", ""), 403);
    assert_int_equal(ask("GET", "/%zz", ""), 400);
    assert_int_equal(ask("GET", "/pipe", ""), 403);
    assert_int_equal(ask("POST", "/file.txt", "Content-Length: 3\r\n"), 405);
    assert_head_has("Allow: GET, HEAD\r\n");
    assert_int_equal(ask("BREW", "/", ""), 501);
    assert_int_equal(ask("GET", "/file.txt", "Content-Length: 3\r\n"), 413);
    assert_false(reply.keeps_alive);
}

static void generates_bodies(void **state)
{
    char expected[100];
    (void)state;
    generate_bytes(5, 0, expected, sizeof expected);
    assert_int_equal(ask("GET", "/gen/100?seed=5", ""), 200);
    assert_int_equal(body_length, sizeof expected);
    assert_memory_equal(body, expected, sizeof expected);
    assert_int_equal(ask("GET", "/gen/100?seed=5", "Range: bytes=-9\r\n"), 206);
    assert_memory_equal(body, expected + 91, 9);
    assert_int_equal(ask("GET", "/gen/x", ""), 400);
    site.generator = SITE_WITHOUT_GENERATOR;
    assert_int_equal(ask("GET", "/gen/100", ""), 404);
}

/* A file that shrinks while it is sent must not look whole. */
static void a_file_that_shrinks_ends_early(void **state)
{
    struct http_request request;
    static const char head[] = "GET /file.txt HTTP/1.1\r\nHost: h\r\n\r\n";
    (void)state;
    assert_int_equal(http_request_parse(head, sizeof head - 1, &request), 0);
    reply_to(&reply, &site, &request);
    assert_int_equal(reply_read(&reply, body, 4), 4);
    assert_int_equal(truncate("file.txt", 2), 0);
    assert_int_equal(reply_read(&reply, body, 4), 0);
    assert_int_equal(reply.left, 6);
    reply_end(&reply);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(sends_files_and_their_parts),
        IN_FOLDER(answers_conditions),
        IN_FOLDER(shows_folders),
        IN_FOLDER(refuses_the_rest),
        IN_FOLDER(generates_bodies),
        IN_FOLDER(a_file_that_shrinks_ends_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
