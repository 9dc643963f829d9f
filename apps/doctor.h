/* tunny doctor: what works on this machine, and the command that mends what does not. */
#ifndef TUNNY_APPS_DOCTOR_H
#define TUNNY_APPS_DOCTOR_H

/* Arguments from "doctor" on. The exit code. */
int doctor_main(int argc, char **argv);

#endif
