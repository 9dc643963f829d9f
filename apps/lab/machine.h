/* Where and how an experiment was run, as sentences that go with its results. Called by lab.c. */
#ifndef TUNNY_LAB_MACHINE_H
#define TUNNY_LAB_MACHINE_H

struct machine {
    char kernel[160];     /* "Linux 6.18.44 x86_64" */
    char processors[160]; /* "2 x Intel ..., 3.9 GiB" */
    char command[512];    /* that was typed */
    char date[32];        /* of the report, UTC */
};

void machine_look(struct machine *machine, int argc, char **argv);

#endif
