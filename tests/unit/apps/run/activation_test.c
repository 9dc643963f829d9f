/* Unit tests of activation.c: the places that --listen understands, and the sockets that a program
 * finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/activation.h"

static void places_are_ports_or_addresses_with_ports(void **state)
{
    static const char *const good[] = {"80", "65535", "127.0.0.1:80", "[::1]:80", "[::]:1"};
    static const char *const bad[] = {"",      "0",        "65536",        "http",     "80x",
                                      ":80",   "1.2.3:80", "1.2.3.4:",     "::1:80",   "[::1]80",
                                      "[::1]", "[::1]:",   "[1.2.3.4]:80", "1.2.3.4:0"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(activation_is_good(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(activation_is_good(bad[i]));
}

/* In a child: descriptors 3 and 4 are its own. */
static int finds_two(void)
{
    struct activation activation = {.places = {"127.0.0.1:49871", "127.0.0.1:49872"}, .count = 2};
    const char *place;
    if (activation_open(&activation, &place) != 0)
        return 1;
    for (int i = 0; i < 2; i++) {
        struct sockaddr_in in;
        socklen_t length = sizeof in;
        int listens = 0;
        socklen_t size = sizeof listens;
        if (getsockname(3 + i, (struct sockaddr *)&in, &length) < 0 ||
            ntohs(in.sin_port) != 49871 + i ||
            getsockopt(3 + i, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 || !listens)
            return 2 + i;
    }
    return atoi(getenv("LISTEN_FDS")) == 2 && atoi(getenv("LISTEN_PID")) == getpid() ? 0 : 4;
}

static void the_program_finds_its_sockets(void **state)
{
    int status;
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(finds_two());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_place_in_use_is_named(void **state)
{
    struct activation activation = {.places = {"127.0.0.1:49873"}, .count = 1};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(49873)};
    const char *place = NULL;
    (void)state;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int other = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(other, (const struct sockaddr *)&in, sizeof in), 0);
    assert_int_equal(listen(other, 1), 0);
    assert_int_equal(activation_open(&activation, &place), -EADDRINUSE);
    assert_string_equal(place, "127.0.0.1:49873");
    close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_ports_or_addresses_with_ports),
        cmocka_unit_test(the_program_finds_its_sockets),
        cmocka_unit_test(a_place_in_use_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
