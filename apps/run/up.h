/* tunny up, down, ps and ss: stacks that programs join, and what goes on in them. */
#ifndef TUNNY_RUN_UP_H
#define TUNNY_RUN_UP_H

int up_main(int argc, char **argv);
int down_main(int argc, char **argv);
int ps_main(int argc, char **argv);
int ss_main(int argc, char **argv);

#endif
