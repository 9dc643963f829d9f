/* The last step into a new user namespace, user_namespaces(7): who its user is, outside and inside.
 * Used by all that makes namespaces without being root: run, lab and doctor. */
#ifndef TUNNY_COMMON_USER_NAMESPACE_H
#define TUNNY_COMMON_USER_NAMESPACE_H

#include <sys/types.h>

/* Writes the text to a file that exists, one of /proc mostly. 0 or a negative errno. */
int text_file_write(const char *path, const char *text);

struct user_mapping {
    uid_t user, user_inside;
    gid_t group, group_inside;
};

/* After unshare(CLONE_NEWUSER): maps one user and one group. `user` and `group` are what geteuid()
 * and getegid() said before. 0 or a negative errno. */
int user_namespace_map(const struct user_mapping *mapping);

#endif
