/* tunny ping: echo requests and their round trips. */
#ifndef TUNNY_APPS_PING_H
#define TUNNY_APPS_PING_H

/* Arguments from "ping" on. The exit code. */
int ping_main(int argc, char **argv);

#endif
