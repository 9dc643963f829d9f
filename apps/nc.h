/* tunny nc: standard input and output over TCP or UDP. */
#ifndef TUNNY_APPS_NC_H
#define TUNNY_APPS_NC_H

/* Arguments from "nc" on. The exit code. */
int nc_main(int argc, char **argv);

#endif
