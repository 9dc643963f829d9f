/* Making stacks: what is wrong with a configuration is said in a sentence, and nothing is left
 * behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "dev/pair.h"
#include "stack.h"
#include "tcp/cc.h"

static struct instant never_moves(void *context)
{
    (void)context;
    return (struct instant){1000};
}

static int make(const struct tunny_config *config, struct tunny **stack, char error[256])
{
    static const struct siphash_key secret = {1, 2};
    struct pair_config pair = {.mtu = 1500, .queue = 4};
    struct stack_clock clock = {.now = never_moves};
    struct device *ends[2];
    assert_int_equal(pair_open(&pair, ends), 0);
    device_close(ends[1]);
    return stack_create_over(config, ends[0], &clock, &secret, stack, error, 256);
}

static void mistakes_are_named(void **state)
{
    static const char *const settings[][2] = {
        {"no_such_thing=1", NULL}, {"tcp_sack", NULL}, {"tcp_sack=9", NULL}, {"tcp_sack=x", NULL}};
    static const struct {
        struct tunny_config config;
        int error;
        const char *word;
    } mistakes[] = {
        {{.addresses = "10.0.0.1/24,what"}, -EINVAL, "what"},
        {{.addresses = ""}, -EINVAL, "address"},
        {{.mtu = 100}, -EINVAL, "100"},
        {{.congestion = "guess"}, -EINVAL, "guess"},
        {{.impair = "loss 300%"}, -EINVAL, "300"},
        {{.resolver = "nobody"}, -EINVAL, "nobody"},
        {{.settings = settings[0]}, -ENOENT, "no_such_thing"},
        {{.settings = settings[1]}, -EINVAL, "tcp_sack"},
        {{.settings = settings[2]}, -ERANGE, "9"},
        {{.settings = settings[3]}, -EINVAL, "tcp_sack=x"},
        {{.memory = 8192}, -ENOMEM, "memory"},
        {{.capture = "/nowhere/at/all"}, -ENOENT, "/nowhere/at/all"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct tunny *stack = NULL;
        char error[256] = "";
        assert_int_equal(make(&mistakes[i].config, &stack, error), mistakes[i].error);
        assert_null(stack);
        if (!strstr(error, mistakes[i].word))
            fail_msg("mistake %zu: \"%s\" does not say \"%s\"", i, error, mistakes[i].word);
    }
}

static void an_unknown_device_is_named(void **state)
{
    struct tunny_config config = {.device = "pigeon:1"};
    struct tunny *stack = NULL;
    char error[256] = "";
    (void)state;
    assert_int_equal(tunny_create(&config, &stack, error, sizeof error), -EINVAL);
    assert_non_null(strstr(error, "pigeon"));
    tunny_destroy(NULL);
}

static void everything_is_set_as_configured(void **state)
{
    static const char *const settings[] = {"tcp_sack=0", "tcp_retries2=5", NULL};
    char path[] = "/tmp/tunny-create-XXXXXX", error[256] = "";
    int file = mkstemp(path);
    struct tunny_config config = {.addresses = "10.0.0.1/24",
                                  .settings = settings,
                                  .congestion = "reno",
                                  .capture = path,
                                  .impair = "loss 1%",
                                  .seed = 99,
                                  .memory = 16 << 20};
    struct tunny *stack = NULL;
    int64_t value = -1;
    (void)state;
    assert_true(file >= 0);
    assert_int_equal(make(&config, &stack, error), 0);
    assert_int_equal(tunny_get(stack, "tcp_sack", &value), 0);
    assert_int_equal(value, 0);
    assert_int_equal(tunny_get(stack, "tcp_retries2", &value), 0);
    assert_int_equal(value, 5);
    assert_int_equal(tunny_seed(stack), 99);
    assert_string_equal(stack->sockets.cc->name, "reno");
    tunny_destroy(stack);
    assert_true(lseek(file, 0, SEEK_END) > 0);
    close(file);
    unlink(path);
}

/* Whichever allocation fails while a stack is made: -ENOMEM, and nothing is lost (ASan, CHECK). */
static void a_small_budget_is_survived(void **state)
{
    (void)state;
    for (uint64_t memory = 4096; memory <= 4 << 20; memory *= 2) {
        struct tunny_config config = {.memory = memory};
        struct tunny *stack = NULL;
        char error[256] = "";
        int r = make(&config, &stack, error);
        assert_true(r == 0 || r == -ENOMEM);
        tunny_destroy(stack);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(an_unknown_device_is_named),
        cmocka_unit_test(everything_is_set_as_configured),
        cmocka_unit_test(a_small_budget_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
