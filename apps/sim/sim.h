/* tunny sim: whole networks in virtual time. */
#ifndef TUNNY_SIM_H
#define TUNNY_SIM_H

/* Arguments from "sim" on. The exit code. */
int sim_main(int argc, char **argv);

#endif
