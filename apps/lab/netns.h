/* Network namespaces without names, and what stands in them: interfaces, addresses, routes. All of
 * it goes away with the last process that holds a descriptor, however that process ends. Called by
 * run.c only. Everything works on the namespace that the calling thread is in, IPv4. */
#ifndef TUNNY_LAB_NETNS_H
#define TUNNY_LAB_NETNS_H

/* Enters a new network namespace; an ordinary user gets a user namespace around it, in which he is
 * root. 0, or a negative errno. */
int netns_enter_new(void);
/* A descriptor of the namespace that this thread is in, or a negative errno. */
int netns_current(void);
/* Makes another namespace beside this one: its descriptor, or a negative errno. */
int netns_make(void);
/* 0, or a negative errno. */
int netns_enter(int netns);

/* A TUN that lives as long as the namespace. 0, or a negative errno. */
int netns_make_tun(const char *name);
/* Gives it the address "198.18.1.1/24" and takes it up, with room for many packets. */
int netns_interface_up(const char *name, const char *address);
/* "198.18.16.0/24" is behind `gateway`. */
int netns_route(const char *network, const char *gateway);
/* /proc/sys/net/PATH. 0, or a negative errno. */
int netns_setting(const char *path, const char *value);

#endif
