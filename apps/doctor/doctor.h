/* tunny doctor: what keeps a stack from running here, and the command that mends it. Called by
 * tunny. */
#ifndef TUNNY_DOCTOR_DOCTOR_H
#define TUNNY_DOCTOR_DOCTOR_H

int doctor_main(int argc, char **argv);

#endif
