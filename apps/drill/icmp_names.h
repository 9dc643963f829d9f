/* ICMP's types and codes by the names that scripts use. Called by the parser and by the printing of
 * packets. */
#ifndef TUNNY_DRILL_ICMP_NAMES_H
#define TUNNY_DRILL_ICMP_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/* -1: there is none of that name. */
int icmp_type_of(bool ipv6, const char *name);
int icmp_code_of(bool ipv6, uint8_t type, const char *name);
/* NULL: there is no name. */
const char *icmp_type_name(bool ipv6, uint8_t type);
const char *icmp_code_name(bool ipv6, uint8_t type, uint8_t code);
bool icmp_is_echo(bool ipv6, uint8_t type);

#endif
