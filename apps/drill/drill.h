/* tunny drill: packetdrill scripts in virtual time. */
#ifndef TUNNY_DRILL_DRILL_H
#define TUNNY_DRILL_DRILL_H

/* Arguments from "drill" on. The exit code. */
int drill_main(int argc, char **argv);

#endif
