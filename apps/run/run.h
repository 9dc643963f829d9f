/* tunny run: any program on a stack of its own, or on a named one. */
#ifndef TUNNY_RUN_RUN_H
#define TUNNY_RUN_RUN_H

int run_main(int argc, char **argv);

#endif
