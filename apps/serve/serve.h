/* tunny serve: the HTTP file server. */
#ifndef TUNNY_SERVE_SERVE_H
#define TUNNY_SERVE_SERVE_H

/* Arguments from "serve" on. The exit code. */
int serve_main(int argc, char **argv);

#endif
