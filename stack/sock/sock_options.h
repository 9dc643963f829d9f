/* Socket options by level: how values are read and given back, and one pair of functions for each
 * level. Called by sock_options.c, which chooses among them. */
#ifndef TUNNY_SOCK_SOCK_OPTIONS_H
#define TUNNY_SOCK_SOCK_OPTIONS_H

#include "sock/sock.h"

/* A value as setsockopt() was given it. */
struct option_value {
    const void *data;
    size_t length;
};

/* A value as getsockopt() gives it back: at most OPTION_LARGEST bytes. */
enum { OPTION_LARGEST = 512 };
struct option_answer {
    union {
        int number;
        uint8_t bytes[OPTION_LARGEST];
    } value;
    size_t length;
};

/* An int; for values of 1 to 3 bytes their first byte, as Linux reads IP's options. -EINVAL:
 * neither. */
int option_int(struct option_value value, int *number);
int option_int_or_byte(struct option_value value, int *number);
/* An int within [least, most], else -EINVAL. */
int option_int_within(struct option_value value, int least, int most, int *number);
int answer_int(struct option_answer *answer, int64_t number);
int answer_bytes(struct option_answer *answer, const void *data, size_t length);

int set_tcp_option(struct socket *socket, int option, struct option_value value,
                   struct instant now);
int get_tcp_option(struct socket *socket, int option, struct option_answer *answer,
                   struct instant now);
int set_ip_option(struct socket *socket, int option, struct option_value value);
int get_ip_option(struct socket *socket, int option, struct option_answer *answer,
                  struct instant now);
int set_ipv6_option(struct socket *socket, int option, struct option_value value);
int get_ipv6_option(struct socket *socket, int option, struct option_answer *answer,
                    struct instant now);

#endif
